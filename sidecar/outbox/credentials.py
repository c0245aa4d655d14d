"""Who we are to a Kafka cluster, and whom we trust: read anew for each connection.

A certificate, a CA file, a password or a token that was renewed on disk is so taken by the next connection, without a
restart. Files that do not fit together (one was renewed, the other not yet) leave the last good ones in use.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from aiokafka.abc import AbstractTokenProvider

from sidecar.errors import ConfigError
from sidecar.outbox.settings import KafkaSettings, OAuthSettings

_log = logging.getLogger(__name__)

_TOKEN_S = 10.0
"""How long a token may take to come."""

Stamp = tuple[tuple[int, int], ...]
"""When the files of a TLS context were changed, and their inodes."""


class Credentials:
    """What connections of one cluster are made with."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._stamp: Stamp = ()
        self._tls: ssl.SSLContext | None = None

    def options(self) -> dict[str, Any]:
        """For the next connection, as aiokafka's clients and connections take it. Raises `ConfigError`."""
        settings = self._settings
        options: dict[str, Any] = {
            "client_id": settings.client_id,
            "request_timeout_ms": settings.request_timeout_ms,
            "security_protocol": settings.security_protocol,
        }
        if settings.uses_tls:
            options["ssl_context"] = self._context()
        if settings.uses_sasl:
            options |= _identity(settings)
        return options

    def _context(self) -> ssl.SSLContext:
        """The present files' context, or the last good one when they do not fit together."""
        stamp = _stamp_of(self._settings)
        if self._tls is not None and stamp == self._stamp:
            return self._tls
        try:
            self._tls = _tls(self._settings)
        except ConfigError as error:
            if self._tls is None:
                raise
            _log.warning("renewed certificates cannot be used; the last ones stay", extra={"error": str(error)})
        self._stamp = stamp
        return self._tls


def _identity(settings: KafkaSettings) -> Mapping[str, Any]:
    """The SASL part of the options."""
    if settings.sasl_mechanism in {"OAUTHBEARER", "AWS_MSK_IAM"}:
        return {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": _provider(settings)}
    return {
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_plain_username": settings.sasl_username,
        "sasl_plain_password": _password(settings),
    }


def _password(settings: KafkaSettings) -> str | None:
    if settings.sasl_password_file is not None:
        return _read(settings.sasl_password_file, "kafka.sasl_password_file")
    return settings.sasl_password.get_secret_value() if settings.sasl_password else None


def _read(path: Path, key: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}", path=key) from None


# --- TLS --------------------------------------------------------------------------------------------------------------


def _files(settings: KafkaSettings) -> Mapping[str, Path | None]:
    return {
        "kafka.ssl_ca_file": settings.ssl_ca_file,
        "kafka.ssl_cert_file": settings.ssl_cert_file,
        "kafka.ssl_key_file": settings.ssl_key_file,
    }


def _stamp_of(settings: KafkaSettings) -> Stamp:
    """Changes whenever a file does. Raises `ConfigError` that names a file that cannot be read."""
    stamps = []
    for key, path in _files(settings).items():
        if path is not None:
            try:
                status = path.stat()
            except OSError as error:
                raise ConfigError(f"cannot read {path}: {error.strerror}", path=key) from None
            stamps.append((status.st_mtime_ns, status.st_ino))
    return tuple(stamps)


def _tls(settings: KafkaSettings) -> ssl.SSLContext:
    context = _trusting(settings)
    context.check_hostname = settings.ssl_check_hostname
    if settings.ssl_cert_file:
        password = settings.ssl_key_password
        try:
            context.load_cert_chain(
                settings.ssl_cert_file, settings.ssl_key_file, password.get_secret_value() if password else ""
            )
        except (OSError, ssl.SSLError) as error:
            where = f"{settings.ssl_cert_file} with {settings.ssl_key_file or 'the key in it'}"
            raise ConfigError(f"cannot use {where}: {error.strerror or error}", path="kafka.ssl_cert_file") from None
    return context


def _trusting(settings: KafkaSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ssl_ca_file)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror or error
        raise ConfigError(f"cannot use {settings.ssl_ca_file}: {why}", path="kafka.ssl_ca_file") from None


# --- Tokens -----------------------------------------------------------------------------------------------------------


def _provider(settings: KafkaSettings) -> AbstractTokenProvider:
    oauth = settings.oauth
    if settings.sasl_mechanism == "AWS_MSK_IAM":
        return _MskToken(oauth.aws_region)
    return _CommandToken(oauth.command) if oauth.command else _OidcToken(oauth)


class _CommandToken(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """A program prints the token."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command

    async def token(self) -> str:
        """Run it. Raises `ConfigError`."""
        try:
            async with asyncio.timeout(_TOKEN_S):
                return await self._run()
        except (OSError, TimeoutError) as error:
            why = getattr(error, "strerror", None) or "it did not end in time"
            raise ConfigError(f"{self._command[0]} gave no token: {why}", path="kafka.oauth.command") from None

    async def _run(self) -> str:
        process = await asyncio.create_subprocess_exec(*self._command, stdout=asyncio.subprocess.PIPE)
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        token = output.decode("ascii", "replace").strip()
        if process.returncode or not token:
            why = (
                f"{self._command[0]} ended with status {process.returncode}"
                if process.returncode
                else "it printed none"
            )
            raise ConfigError(f"no token: {why}", path="kafka.oauth.command")
        return token


class _OidcToken(AbstractTokenProvider):  # type: ignore[misc]  # as above
    """An OIDC provider gives a token for a client's id and secret (the client credentials grant)."""

    def __init__(self, oauth: OAuthSettings) -> None:
        self._oauth = oauth

    async def token(self) -> str:
        """Ask for one. Raises `ConfigError`."""
        form = {"grant_type": "client_credentials"} | ({"scope": self._oauth.scope} if self._oauth.scope else {})
        timeout = aiohttp.ClientTimeout(total=_TOKEN_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
                session.post(self._oauth.token_url, data=form, headers=self._login()) as answer,
            ):
                return await _token_in(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = str(error) or type(error).__name__
            raise ConfigError(f"{self._oauth.token_url} gave no token: {why}", path="kafka.oauth.token_url") from None

    def _login(self) -> dict[str, str]:
        """The client's id and secret, as RFC 6749 has them in a header."""
        login = f"{quote(self._oauth.client_id, safe='')}:{quote(self._secret(), safe='')}"
        return {"Authorization": f"Basic {b64encode(login.encode()).decode()}"}

    def _secret(self) -> str:
        if self._oauth.client_secret_file is not None:
            return _read(self._oauth.client_secret_file, "kafka.oauth.client_secret_file")
        return self._oauth.client_secret.get_secret_value() if self._oauth.client_secret else ""


async def _token_in(answer: aiohttp.ClientResponse) -> str:
    """The token of an answer. Raises `ConfigError`; its message quotes nothing but the status and the error's name."""
    content = await answer.json(content_type=None) if answer.status < 500 else {}
    token = content.get("access_token") if isinstance(content, dict) else None
    if not isinstance(token, str):
        name = content.get("error", "") if isinstance(content, dict) else ""
        raise ConfigError(f"{answer.url} answered {answer.status} {name}", path="kafka.oauth.token_url")
    return token


class _MskToken(AbstractTokenProvider):  # type: ignore[misc]  # as above
    """Amazon's signer makes a token of the machine's AWS credentials."""

    def __init__(self, region: str) -> None:
        self._region = region

    async def token(self) -> str:
        """Sign one. Raises `ConfigError`."""
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

        try:
            token, _ = await asyncio.to_thread(MSKAuthTokenProvider.generate_auth_token, self._region)
        except Exception as error:  # noqa: BLE001 - whatever botocore raises, there are no credentials
            raise ConfigError(f"AWS gave no token ({type(error).__name__})", path="kafka.oauth.aws_region") from None
        return str(token)
