"""Brings the bundle that should be in force: asks the source, verifies, keeps the last good one.

What is refused, and why, stands in `refused` until the source gives something else; a source that does not answer is
`away`, which says nothing of the bundle. Whether its policies compile is the caller's part: it tells `accept` or
`refuse`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from pathlib import Path

import msgspec

from sidecar.bundles.bundle import Bundle, check_follows, verify
from sidecar.bundles.kept import Kept
from sidecar.bundles.keys import trusted_keys
from sidecar.bundles.sources import Away, Fetched, source_of, token_in
from sidecar.config import Policies
from sidecar.errors import BundleError, ConfigError

_log = logging.getLogger(__name__)

_JITTER = 0.2
"""How much earlier or later than told a server is asked: not by all at the same moment."""


class Offer(msgspec.Struct, frozen=True):
    """A sound bundle that is not in force, and the folder of its files."""

    bundle: Bundle
    folder: Path
    etag: str = ""


class Delivery:
    """See the module's text. One owner."""

    def __init__(self, settings: Policies, *, count: Callable[[str], None] = lambda _: None) -> None:
        """`count` is told how each question to the source ended. Raises `ConfigError` when a key cannot be read."""
        self._settings = settings
        self._count = count
        self._source = source_of(
            settings.bundle,
            max_bytes=settings.max_bundle_bytes,
            timeout_seconds=settings.bundle_timeout_seconds,
            token=token_in(settings.bundle_token_file),
        )
        try:
            self._trusted = trusted_keys(settings.trusted_keys)
        except BundleError as error:
            raise ConfigError(str(error), path="policies.trusted_keys") from None
        self._kept = Kept(settings.keep)
        self._former: Bundle | None = None
        """What a new one has to follow: the bundle in force, or at a start the one that is kept."""
        self._etag = ""
        self.in_force: Bundle | None = None
        self.folder = Path()
        """Where its files are."""
        self.is_kept = False
        """Whether it is in force because it was kept: the source was away, or gave none that could be used."""
        self.refused = ""
        self.away = ""

    @property
    def source(self) -> str:
        """Where bundles come from, without secrets."""
        return self._source.shown

    @property
    def paths(self) -> tuple[Path, ...]:
        """What on the disk is to be watched."""
        return self._source.paths

    def pause_seconds(self) -> float:
        """How long until the source is asked again."""
        if self.paths:
            return self._settings.poll_seconds
        return self._settings.bundle_poll_seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret

    async def kept(self) -> Offer | None:
        """The bundle that was kept, to begin with; None when none is, or it cannot be used, which is logged."""
        try:
            bundle = await asyncio.to_thread(self._kept.load, self._trusted, max_bytes=self._settings.max_bundle_bytes)
            if bundle is None:
                return None
            self._former = bundle
            if self._settings.pin and bundle.manifest.digest != self._settings.pin:
                return None
            return Offer(bundle, await asyncio.to_thread(self._kept.unfold, bundle), self._kept_etag())
        except BundleError as error:
            _log.error("the bundle that was kept cannot be used", extra={"error": str(error)})
            return None

    async def look(self) -> Offer | None:
        """Ask the source; what it has that is not in force, None when nothing is new.

        Raises `Away` when it does not answer, else `BundleError` for a bundle that is refused: the first time it is.
        """
        if self.in_force is not None and self.in_force.manifest.digest == self._settings.pin:
            return None
        try:
            fetched = await self._source.fetch(self._etag)
        except Away as error:
            self.away = str(error)
            self._count("away")
            raise
        except BundleError as error:
            self.away = ""
            self._refuse_once(error)
            return None
        self.away = ""
        if fetched is None:
            self._count("same")
            return None
        self._etag = fetched.etag
        return await self._judge(fetched)

    def accept(self, offer: Offer, *, is_kept: bool = False) -> None:
        """The bundle of an offer is in force from now on."""
        self.in_force = self._former = offer.bundle
        self.folder = offer.folder
        self.is_kept = is_kept
        if is_kept:
            return
        self.refused = ""
        self._count("new")
        try:
            self._kept.accept(offer.bundle, source=self.source, etag=offer.etag)
        except BundleError as error:
            _log.error("the bundle in force cannot be kept for the next start", extra={"error": str(error)})

    def refuse(self, reason: str) -> None:
        """The policies of an offer cannot be used."""
        self.refused = reason
        self._count("refused")

    async def _judge(self, fetched: Fetched) -> Offer | None:
        try:
            bundle = await asyncio.to_thread(verify, fetched.contents, self._trusted, pin=self._settings.pin)
            if self.in_force is not None and bundle.manifest.digest == self.in_force.manifest.digest:
                self.refused = ""
                self._count("same")
                return None
            if self._former is not None and not self._settings.pin:
                check_follows(bundle.manifest, self._former.manifest)
            return Offer(bundle, await asyncio.to_thread(self._kept.unfold, bundle), fetched.etag)
        except BundleError as error:
            self._refuse_once(error)
            return None

    def _refuse_once(self, error: BundleError) -> None:
        """Raise the error, unless it is what was said before."""
        self._count("refused")
        if str(error) != self.refused:
            self.refused = str(error)
            raise error

    def _kept_etag(self) -> str:
        """What the source called the bundle that is kept, if it is the same source."""
        current = self._kept.current()
        return current.etag if current is not None and current.source == self.source else ""
