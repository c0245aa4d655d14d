"""Stand-ins: short texts of a value's own kind that take its place on the way to a model, and give it back afterwards.

1. `StandIns` is the book of one exchange. While its request is guarded, `put` gives each value its stand-in and notes
   what it stands for. While its answer is guarded, `find` knows stand-ins and says what to put back.
2. A stand-in follows from key, tenant (and session) and value (`stand_in_forms`). So the same request has the same
   stand-ins wherever and however often it is sent, and each request says anew what its own stand for. Where two values
   of a request would share one, the later has its next attempt: what came before stays as it was.
3. `Kept` remembers beside that, for answers that come apart from their request, and for a history that lost the value
   and kept the stand-in. It is bounded, in memory only, and has a shelf for each tenant and session.

A value comes back where both hold: its stand-in was made with the key of this tenant (and session), and this
exchange, or an earlier one of the same shelf, put it there. Nothing here is logged; no `repr` shows a value.
"""

from __future__ import annotations

import hmac
from collections import ChainMap, OrderedDict
from collections.abc import MutableMapping
from functools import cache
from typing import TypeAlias

import msgspec

from detectors.text.regular import RegularScanner
from sidecar.policy.plan import StandIn
from sidecar.policy.stand_in_forms import FORMS, REFERENCE, TOKEN, Form, Seal, form_of, make_scanner
from sidecar.values import Channel

Shelf: TypeAlias = tuple[str, str | None]
"""Tenant and session; without one the session is empty. None: what all sessions of the tenant share."""
Number: TypeAlias = tuple[str, int]
"""A stand-in, however it is laid out: its form's name and its number."""

_ENTRY_BYTES = 300
"""What an entry takes beside its value, roughly."""
_ATTEMPTS = 8
"""How often a value is tried in its own form. More is in vain only where most of the form is taken."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What a stand-in stands for, and where that comes back. Without a value it is not certain which it was."""

    value: str | None
    restore: frozenset[Channel]

    def __repr__(self) -> str:
        """Without the value."""
        return "Entry(...)"

    @property
    def size(self) -> int:
        """In bytes, roughly."""
        return _ENTRY_BYTES + 2 * len(self.value or "")


class Kept:
    """What stand-ins stood for, bounded in bytes and entries. What was used last stays.

    When it is full, a tenant that has more than its share gives way first, and otherwise the one that was idle longest.
    """

    def __init__(self, *, max_bytes: int, max_entries: int) -> None:
        self._max_bytes = max_bytes
        self._max_entries = max_entries
        self._tenants: OrderedDict[str, OrderedDict[tuple[str | None, Number], Entry]] = OrderedDict()
        self._tenant_bytes: dict[str, int] = {}
        self.bytes = 0
        self.entries = 0

    def put(self, shelf: Shelf, number: Number, entry: Entry) -> None:
        """Remember an entry. One that says otherwise than before leaves it uncertain what the stand-in stands for."""
        tenant, session = shelf
        own = self._tenants.setdefault(tenant, OrderedDict())
        self._tenants.move_to_end(tenant)
        known = own.pop((session, number), None)
        if known is not None:
            self._count(tenant, -1, -known.size)
            if known.value != entry.value:
                entry = Entry(None, entry.restore)
        own[session, number] = entry
        self._count(tenant, 1, entry.size)
        while self.bytes > self._max_bytes or self.entries > self._max_entries:
            self._evict(tenant)

    def get(self, shelf: Shelf, number: Number) -> Entry | None:
        """An entry, if it is remembered."""
        tenant, session = shelf
        own = self._tenants.get(tenant, OrderedDict())
        entry = own.get((session, number))
        if entry is not None:
            own.move_to_end((session, number))
            self._tenants.move_to_end(tenant)
        return entry

    def has(self, shelf: Shelf) -> bool:
        """Whether anything of the tenant is remembered."""
        return shelf[0] in self._tenants

    def _evict(self, tenant: str) -> None:
        has_more = self._tenant_bytes.get(tenant, 0) * len(self._tenants) > self.bytes
        loser = tenant if has_more else next(iter(self._tenants))
        _, entry = self._tenants[loser].popitem(last=False)
        self._count(loser, -1, -entry.size)
        if not self._tenants[loser]:
            del self._tenants[loser], self._tenant_bytes[loser]

    def _count(self, tenant: str, entries: int, size: int) -> None:
        self.entries += entries
        self.bytes += size
        self._tenant_bytes[tenant] = self._tenant_bytes.get(tenant, 0) + size


class StandInSource:
    """Makes the books of a process: its key, and what it remembers."""

    def __init__(self, key: bytes, kept: Kept) -> None:
        self._key = key
        self.kept = kept

    def book(self, tenant: str, session_id: str) -> StandIns:
        """A new exchange's book."""
        return StandIns({shelf: self._seal(shelf) for shelf in ((tenant, session_id), (tenant, None))}, self.kept)

    def _seal(self, shelf: Shelf) -> Seal:
        tenant, session = shelf
        told = f"{len(tenant)}:{tenant}" + ("" if session is None else f"/{session}")
        return Seal(hmac.digest(self._key, told.encode("utf-8", "surrogatepass"), "sha256"))


class StandIns:
    """One exchange's book: see the module's text. One owner at a time: the request's stream, then the answer's."""

    def __init__(self, seals: dict[Shelf, Seal], kept: Kept) -> None:
        self._own, self._shared = seals
        self._seals = seals
        self._kept = kept
        self._entries: MutableMapping[Number, Entry] = {}

    @property
    def is_used(self) -> bool:
        """Whether there may be something to put back."""
        return bool(self._entries) or self._kept.has(self._own)

    def copy(self) -> StandIns:
        """A book that says the same, and goes its own way from here."""
        other = StandIns(self._seals, self._kept)
        other._entries = dict(self._entries)
        return other

    def says_as(self, other: StandIns) -> bool:
        """Whether both books say the same of all values."""
        return self._entries == other._entries

    @property
    def session_id(self) -> str:
        """The session whose stand-ins it knows, beside those that all of its tenant's share."""
        return self._own[1] or ""

    def put(self, value: str, label: str, rule: StandIn) -> str:
        """The stand-in for a value, which the exchange's answer may get back."""
        shelf = self._own if rule.by_session else self._shared
        entry = Entry(self._opened(value), rule.restore)
        form, number = self._free(self._seals[shelf], TOKEN if rule.is_secret else form_of(label, value), value, entry)
        self._note(shelf, (form.name, number), entry)
        return form.write(number, value)

    def _note(self, shelf: Shelf, number: Number, entry: Entry) -> None:
        self._entries[number] = entry
        self._kept.put(shelf, number, entry)

    def find(self, form: str, text: str) -> Entry | None:
        """What a text of this form stands for. None for one that is no stand-in, or another tenant's or session's."""
        number = FORMS[form].read(text)
        if number is None:
            return None
        for shelf, seal in self._seals.items():
            if seal.is_on(FORMS[form], number):
                return self._entry(shelf, (form, number))
        return None

    def stands_in(self, text: str) -> bool:
        """Whether any stand-in is in a text."""
        found = scanner().start().advance(text, 0, is_final=True)
        return any(self.find(each.label, text[each.start : each.end]) is not None for each in found)

    def _entry(self, shelf: Shelf, number: Number) -> Entry:
        entry = self._entries.get(number) or self._kept.get(shelf, number) or _FORGOTTEN
        if entry.value is not None:
            self._entries[number] = entry
        return entry

    def _free(self, seal: Seal, form: Form, value: str, entry: Entry) -> tuple[Form, int]:
        """The first number of the value that stands for no other one of this exchange: of a larger form, if need be."""
        attempt = 0
        while True:
            number = seal.number(form, value, attempt)
            if self._entries.get((form.name, number), entry).value == entry.value:
                return form, number
            attempt += 1
            form = form if attempt < _ATTEMPTS else REFERENCE

    def _opened(self, value: str) -> str:
        """A value without stand-ins in it: what they stand for is what it holds."""
        pieces, at = [], 0
        for found in scanner().start().advance(value, 0, is_final=True):
            entry = self.find(found.label, value[found.start : found.end]) if found.start >= at else None
            if entry is not None and entry.value is not None:
                pieces += [value[at : found.start], entry.value]
                at = found.end
        return "".join([*pieces, value[at:]])


class Draft(StandIns):
    """What a text notes that may yet be left out: it is in the book once it is kept, and nowhere before."""

    def __init__(self, book: StandIns) -> None:
        super().__init__(book._seals, book._kept)
        self._book = book
        self._entries = ChainMap({}, book._entries)
        self._noted: list[tuple[Shelf, Number, Entry]] = []

    def keep(self) -> None:
        """Have the book say what it says."""
        for each in self._noted:
            self._book._note(*each)

    def _note(self, shelf: Shelf, number: Number, entry: Entry) -> None:
        self._entries[number] = entry
        self._noted.append((shelf, number, entry))


_FORGOTTEN = Entry(None, frozenset())


@cache
def scanner() -> RegularScanner:
    """The scanner for all forms: immutable, made once."""
    return make_scanner()
