"""The secret keys, from the settings to those who use them."""

from __future__ import annotations

import logging
import secrets

from sidecar.bundles.keys import private_key
from sidecar.config import Keys, Limits, Settings
from sidecar.errors import BundleError, ConfigError
from sidecar.outbox.chain import Signer
from sidecar.outbox.evidence import EvidenceError, EvidenceKey, Keeping, Recipient, recipient_in
from sidecar.outbox.settings import EventSettings
from sidecar.policy.operators import MIN_SECRET_BYTES, RedactionKeys
from sidecar.policy.stand_ins import Kept, StandInSource

_log = logging.getLogger(__name__)


def redaction_keys(keys: Keys) -> RedactionKeys | None:
    """The keys of the hash and pseudonym operators, if there is a secret. Raises `ConfigError` when it is too short."""
    secret = keys.redaction_key()
    return None if secret is None else _derived(secret, "keys.redaction")


def has_stand_in_key(keys: Keys) -> bool:
    """Whether the settings have a key that stand-ins can be made with."""
    return keys.stand_in_key() is not None or keys.redaction_key() is not None


def stand_in_source(keys: Keys, limits: Limits) -> StandInSource:
    """What makes stand-ins. Without a secret it has a key of its own. Raises `ConfigError` when one is too short."""
    own, shared = keys.stand_in_key(), redaction_keys(keys)
    if own is not None:
        shared = _derived(own, "keys.stand_in")
    if shared is None:
        shared = RedactionKeys.derive(own_key())
    kept = Kept(max_bytes=limits.stand_ins_kept_bytes, max_entries=limits.stand_ins_kept)
    return StandInSource(shared.stand_in_key, kept)


def own_key() -> bytes:
    """A key that nobody else has."""
    return secrets.token_bytes(MIN_SECRET_BYTES)


def tell_of_own_key(keys: Keys) -> None:
    """Say in the log what it means when the settings have no key for stand-ins, but an own one is used."""
    if not has_stand_in_key(keys):
        _log.warning(
            "no key for stand-ins is configured: they are made with a key of this service's own, so they are others"
            " after a restart and in other replicas, and providers' prompt caches miss; set keys.redaction_file"
        )


def _derived(secret: bytes, path: str) -> RedactionKeys:
    try:
        return RedactionKeys.derive(secret)
    except ValueError as error:
        raise ConfigError(str(error), path=path) from None


def event_signer(events: EventSettings) -> Signer | None:
    """What signs checkpoints, if there is a key. Raises `ConfigError` when its file holds none."""
    if events.signing_key_file is None:
        return None
    try:
        return Signer(private_key(events.signing_key_file))
    except BundleError as error:
        remedy = f"{error.message}; `tidegate events keygen PREFIX` makes one"
        raise ConfigError(remedy, path="events.signing_key_file") from None


def keeping(settings: Settings) -> Keeping:
    """What events keep of matched texts. Raises `ConfigError` where the keys for it are not there."""
    events = settings.events
    found = Keeping(events.evidence, evidence_key(settings.keys), _recipient(events))
    if events.evidence not in found.levels:
        needs = "keys.hash_file" if events.evidence == "hash" else "events.evidence_key_file"
        raise ConfigError(f"`{events.evidence}` cannot be kept without a key: set {needs}", path="events.evidence")
    return found


def _recipient(events: EventSettings) -> Recipient | None:
    if events.evidence_key_file is None:
        return None
    try:
        return recipient_in(events.evidence_key_file)
    except EvidenceError as error:
        raise ConfigError(str(error), path="events.evidence_key_file") from None


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
