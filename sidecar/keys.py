"""The secret keys, from the settings to those who use them."""

from __future__ import annotations

from sidecar.config import Keys
from sidecar.errors import ConfigError
from sidecar.outbox.event import EvidenceKey
from sidecar.policy.operators import MIN_SECRET_BYTES, RedactionKeys


def redaction_keys(keys: Keys) -> RedactionKeys | None:
    """The keys of the hash and pseudonym operators, if there is a secret. Raises `ConfigError` when it is too short."""
    secret = keys.redaction_key()
    if secret is None:
        return None
    try:
        return RedactionKeys.derive(secret)
    except ValueError as error:
        raise ConfigError(str(error), path="keys.redaction") from None


def evidence_key(keys: Keys) -> EvidenceKey | None:
    """The key of the hashes in events, if there is a secret.

    Raises `ConfigError` when it is too short: with a key that can be guessed, so can the values from their hashes.
    """
    secret = keys.hash_key()
    if secret is not None and len(secret) < MIN_SECRET_BYTES:
        raise ConfigError(
            f"needs at least {MIN_SECRET_BYTES} bytes, such as of `openssl rand -hex 32`", path="keys.hash"
        )
    return None if secret is None else EvidenceKey(secret)
