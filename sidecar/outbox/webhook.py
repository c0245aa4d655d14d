"""The webhook: CloudEvents over HTTP in batches, signed as the Standard Webhooks specification has it.

    webhook-id: msg_<of these events>      the same when they are sent again: a receiver's key for dropping repeats
    webhook-timestamp: 1790000000          seconds, of this try
    webhook-signature: v1,<base64> ...     HMAC-SHA256 of "id.timestamp.body", one for each secret

A secret is rotated by having both in the file for a while: each request bears a signature by each. With the view
`cloudevents` the body is a batch of the JSON format (`application/cloudevents-batch+json`), with others a JSON array.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence

import msgspec

from sidecar.errors import ConfigError
from sidecar.outbox.http_sink import Post
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.sink_settings import View, WebhookEntry
from sidecar.outbox.views import shown
from sidecar.outbox.watched_file import WatchedFile

_PREFIX = "whsec_"
_LEAST_BYTES = 24
_BATCH = "application/cloudevents-batch+json; charset=utf-8"
_ARRAY = "application/json; charset=utf-8"

_encoder = msgspec.json.Encoder()


class WebhookWriter:
    """Batches for a webhook. Raises `ConfigError` when its secrets cannot be used."""

    def __init__(self, settings: WebhookEntry, *, now: Callable[[], float] = time.time) -> None:
        self._view: View = settings.view
        self._secret = settings.secret.get_secret_value() if settings.secret else None
        self._file = WatchedFile(settings.secret_file, "secret_file") if settings.secret_file else None
        self._now = now
        self._secrets()

    def request(self, batch: Sequence[Numbered]) -> Post:
        """The batch, signed. Raises `ConfigError`."""
        now = self._now()
        events = [each for each in (shown(self._view, numbered, now) for numbered in batch) if each is not None]
        body = _encoder.encode(events)
        name, timestamp = message_id(batch), int(now)
        headers = {
            "content-type": _BATCH if self._view == "cloudevents" else _ARRAY,
            "webhook-id": name,
            "webhook-timestamp": str(timestamp),
        }
        if secrets := self._secrets():
            headers["webhook-signature"] = " ".join(sign(secret, name, timestamp, body) for secret in secrets)
        return Post(headers, body)

    def rejected(self, answer: bytes) -> int:
        """A webhook takes a batch or does not."""
        return 0

    def _secrets(self) -> list[bytes]:
        if self._file is not None:
            return keys_in(self._file.text(), "secret_file")
        return keys_in(self._secret, "secret") if self._secret is not None else []


def message_id(batch: Sequence[Numbered]) -> str:
    """The id of a message with these events; the same whenever they are sent together."""
    digest = hashlib.sha256("".join(f"{each.producer}/{each.sequence}," for each in batch).encode())
    return f"msg_{digest.hexdigest()[:32]}"


def sign(key: bytes, name: str, timestamp: int, body: bytes) -> str:
    """A signature of the version 1 (symmetric)."""
    content = f"{name}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(key, content, "sha256")).decode()


def keys_in(text: str, setting: str) -> list[bytes]:
    """The keys of secrets, one a line. Raises `ConfigError`, which quotes none."""
    keys = [_key(line, setting) for line in text.split()]
    if not keys:
        raise ConfigError("holds no secret; write one a line: whsec_ and at least 24 bytes in base64", path=setting)
    return keys


def _key(secret: str, setting: str) -> bytes:
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ConfigError("is not base64 behind whsec_; make one: openssl rand -base64 32", path=setting) from None
    if len(key) < _LEAST_BYTES:
        raise ConfigError(f"is {len(key)} bytes long; at least {_LEAST_BYTES} are needed", path=setting)
    return key
