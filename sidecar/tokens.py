"""Bearer tokens: who may ask for what, for which tenants. A file holds their digests, never the tokens.

A token is 32 random bytes, so its SHA-256 cannot be searched for, and needs neither salt nor a slow hash. The file is
looked at again when it changes: tokens are added, and taken back, without a restart. One that cannot be read then
leaves the former tokens as they are; at a start it is an error.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sidecar.errors import ConfigError, Forbidden, Unauthenticated

PREFIX = "tg_"
ANY = "*"
"""A scope or a tenant: all there are."""
_RANDOM_BYTES = 32
_LOOK_SECONDS = 1.0
_DIGEST_CHARS = 64

_log = logging.getLogger(__name__)


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one token allows. `sha256` is that of the whole token, in hexadecimal digits."""

    id: str
    sha256: str
    scopes: tuple[str, ...] = (ANY,)
    """What it may be used for: `grpc`, or the name of a call-out; `*` is all."""
    tenants: tuple[str, ...] = (ANY,)
    """For whom it may ask; a call that names none is for the only one. `*` is anybody."""
    expires: date | None = None
    """The first day, in UTC, on which it is good no more."""

    def allows(self, scope: str) -> bool:
        """Whether it may be used for something."""
        return ANY in self.scopes or scope in self.scopes

    def tenant(self, said: str) -> str:
        """For whom a call is that names this tenant, or none. Raises `Forbidden` where it may not be for that."""
        if ANY in self.tenants or said in self.tenants:
            return said
        if not said and len(self.tenants) == 1:
            return self.tenants[0]
        what = f"the tenant {said!r}" if said else "a call that names no tenant"
        raise Forbidden(f"the token {self.id} is not for {what}")


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tokens: tuple[Token, ...] | None = ()


class Tokens:
    """The tokens of a file. `now` is in Unix seconds."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        """Read the file. Raises `ConfigError`."""
        self._path = path
        self._now = now
        self._looked = now()
        self._stamp = _stamp(path)
        self._by_digest = _read(path)

    def of(self, authorization: str, scope: str) -> Token:
        """What the token in a caller's header `Authorization` allows, which wants to use it for `scope`.

        Raises `Unauthenticated` for one that is not known, or not any more, and `Forbidden` for one of another scope.
        """
        self._look()
        token = self._by_digest.get(digest_of(bearer_of(authorization)))
        today = datetime.fromtimestamp(self._now(), UTC).date()
        if token is None or (token.expires is not None and today >= token.expires):
            raise Unauthenticated
        if not token.allows(scope):
            raise Forbidden(f"the token {token.id} is not for {scope}")
        return token

    def _look(self) -> None:
        now = self._now()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._by_digest = _read(self._path)
        except ConfigError as error:
            _log.error("tokens could not be read again; those from before stay", extra={"reason": str(error)})
        else:
            _log.info("tokens were read again", extra={"tokens": [each.id for each in self._by_digest.values()]})


def new_token() -> str:
    """A token that nobody has."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def digest_of(token: str) -> str:
    """What a file holds of a token. Looking it up tells by its time nothing of the token itself."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def bearer_of(authorization: str) -> str:
    """The token of a header `Authorization: Bearer ...`; empty without one."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file does, also when a symbolic link to it is swapped."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _read(path: Path) -> Mapping[str, Token]:
    try:
        document = YAML(typ="safe", pure=True).load(path)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", path="auth.tokens_file") from None
    except (YAMLError, UnicodeDecodeError):
        raise ConfigError(f"{path} is not YAML", path="auth.tokens_file") from None
    try:
        tokens = msgspec.convert(document or {}, _File).tokens or ()
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}", path="auth.tokens_file") from None
    return _by_digest(path, tokens)


def _by_digest(path: Path, tokens: tuple[Token, ...]) -> Mapping[str, Token]:
    known: dict[str, Token] = {}
    for token in tokens:
        if not set(token.sha256) <= set("0123456789abcdef") or len(token.sha256) != _DIGEST_CHARS:
            message = (
                f"{path}: the sha256 of {token.id} is not 64 hexadecimal digits; `tidegate tokens create` prints it"
            )
            raise ConfigError(message, path="auth.tokens_file")
        if token.sha256 in known:
            message = f"{path}: {token.id} and {known[token.sha256].id} are the same token"
            raise ConfigError(message, path="auth.tokens_file")
        known[token.sha256] = token
    return known


def entry_of(token: Token) -> dict[str, Any]:
    """A token as it stands in a file, with what is as it is anyway left out."""
    entry: dict[str, Any] = msgspec.to_builtins(token, str_keys=True)
    if token.expires is None:
        del entry["expires"]
    return entry
