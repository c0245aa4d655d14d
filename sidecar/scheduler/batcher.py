"""The segments that wait for a detector, and which of them make the next batch. No clock, no I/O.

1. Requests for one segment that go to one **group** (the detectors that share an encoder, or one other detector) are
   one `Ask`: they wait, travel and are answered together, and the segment is encoded once for all of them.
2. Asks of one group and of like length queue together, so that a full batch is one pass with little padding. What is
   left of a batch when its own length has no more is for other lengths of the group: the encoder reads these in runs of
   their own, but one run behind the other finds the model in the caches. The token budget counts all as long as the
   longest.
3. The queue whose most urgent ask comes first makes the next batch, most urgent first. Urgent is what belongs to the
   stream whose first segment was due first: of streams with the same time, the older one, so that what is begun ends,
   and too much work makes the youngest late rather than everybody. Asks that are late, or whose stream is gone, are
   dropped on the way. Others join the first one's batch as long as that takes a part of its time (`_BATCH_SHARE`): on a
   slow machine a full one would make all in it late.
4. Between tenants: while others wait in the group, one tenant gets at most half of a batch (`TENANT_SHARE`); and while
   others wait anywhere, no tenant's ask leads two batches in a row. One tenant alone may have everything.
5. An ask that may linger is `due` a while after it came. Until then it queues apart, behind all that is due: it is
   taken to fill a batch, or when such asks alone would fill one.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from itertools import count
from math import ceil, inf
from typing import NamedTuple, Protocol

import msgspec

from detectors.base import BatchDetector, BatchItem
from detectors.models.encoded import EncodedDetector
from sidecar.policy.plan import BatchPlan
from sidecar.values import Direction, Judged, Outcome, Segment

TENANT_SHARE = 0.5

CHARS_PER_TOKEN = 4
_BATCH_SHARE = 0.1
"""One may run, and one be ready, when an ask comes: with its own, three parts of its time."""
_LINGER_SHARE = 0.1
"""The most of an ask's time that goes by while it waits for company: as much again as its batch may take."""
_SHORTEST_BUCKET = 16


Rank = tuple[float, int]
"""The place of a stream's work among that of others, the lowest first."""


class Receiver(Protocol):
    """Who asked. Used on the event loop only."""

    @property
    def is_open(self) -> bool:
        """Whether the outcome is still wanted."""
        ...

    def deliver(self, segment: int, batch: int, outcome: Outcome) -> None:
        """Take the outcome of a segment for the batch detector of that index."""
        ...


class Request(msgspec.Struct, frozen=True):
    """A segment for a batch detector. Times are milliseconds of the scheduler's clock."""

    batch: BatchPlan
    segment: Segment
    direction: Direction
    deadline_ms: float
    hold_ms: float
    """How long before that it was submitted."""
    receiver: Receiver
    tenant: str = ""
    began_ms: float = 0.0
    """When its stream began."""
    stream: int = 0
    """Its stream's number, counted as they are let in: several may begin at the same time."""
    by_way_of: Callable[[Outcome], None] | None = None
    """Who takes the outcome first, and hands it on."""
    hears: Callable[[Judged, float], None] | None = None
    """Who is told what a judge said, and for how many milliseconds it was waited for."""
    may_linger: bool = False
    """Whether it may wait a moment for others to share its batch: its text is not what somebody waits for now."""

    @property
    def submitted_ms(self) -> float:
        """When it was submitted."""
        return self.deadline_ms - self.hold_ms

    @property
    def rank(self) -> Rank:
        """When it would be due, had it been submitted when its stream began; and its stream."""
        return self.began_ms + self.hold_ms, self.stream

    @property
    def ends_stream(self) -> bool:
        """Whether its stream ends when it is not looked at in time. Nothing depends on what is read early."""
        return self.batch.stops_when_late and not self.segment.is_early

    @property
    def detector(self) -> BatchDetector:
        """Who is to look at it."""
        return self.batch.detector

    @property
    def tokens(self) -> int:
        """About how many tokens it has."""
        return self.batch.item_tokens or 1 + len(self.segment.text) // CHARS_PER_TOKEN

    @property
    def item(self) -> BatchItem:
        """What the detector is given."""
        segment = self.segment
        return segment.item(self.direction)

    def answer(self, outcome: Outcome) -> None:
        """Hand the outcome to whoever asked."""
        if self.by_way_of is not None:
            self.by_way_of(outcome)
            return
        self.receiver.deliver(self.segment.number, self.batch.index, outcome)


class Ask(msgspec.Struct):
    """One segment of one stream for one group, with all its requests. `number` counts asks in order of arrival."""

    group: int
    number: int
    tokens: int
    requests: list[Request]

    @property
    def first(self) -> Request:
        """The request that the ask was made for."""
        return self.requests[0]

    @property
    def deadline_ms(self) -> float:
        """When its outcomes are due."""
        return self.requests[0].deadline_ms

    @property
    def rank(self) -> Rank:
        """Its place among the others, the lowest first."""
        return self.requests[0].rank

    @property
    def tenant(self) -> str:
        """On whose behalf."""
        return self.requests[0].tenant

    @property
    def key(self) -> tuple[int, int, int, float]:
        """Requests with the same key belong together."""
        return _key(self.group, self.first)


_Heap = list[tuple[Rank, int, Ask]]
"""One tenant's asks in one queue, by rank and order of arrival."""


class _Key(NamedTuple):
    """What queues together."""

    lingers: bool
    group: int
    length: int


_Head = tuple[bool, bool, Rank, int, _Key, str]
"""A heap's first ask: whether it lingers, or is of another length than the batch; its rank, its number; its heap."""


class Batcher:
    """See the module's text. One owner."""

    def __init__(self, *, max_items: int, max_tokens: int, linger_ms: float = 0.0) -> None:
        self._max_items = max_items
        self._max_tokens = max_tokens
        self._linger_ms = linger_ms
        self._queues: defaultdict[_Key, _Queue] = defaultdict(_Queue)
        self._waiting: dict[tuple[int, int, int, float], Ask] = {}
        self._groups = _Groups()
        self._numbers = count()
        self._leader: str | None = None
        self._depths: Counter[str] = Counter()
        self._backlog = _Backlog()
        self._backlogs: dict[str, _Backlog] = {}

    @property
    def depth(self) -> int:
        """Asks that wait, dead ones included."""
        return len(self._waiting)

    @property
    def has_full_batch(self) -> bool:
        """Whether waiting longer would not fill a batch any better."""
        of_group, of_length = Counter[int](), Counter[tuple[int, int]]()
        for (_, group, length), queue in self._queues.items():
            of_group[group] += queue.depth
            of_length[group, length] += queue.depth
            if of_group[group] >= self._max_items or of_length[group, length] >= self._capacity(length):
                return True
        return False

    def is_ready(self, by_ms: float, cost: Callable[[int], float]) -> bool:
        """Whether a batch is full, or something in it is due by then."""
        return self.has_full_batch or self.due_ms(cost) <= by_ms

    def due_ms(self, cost: Callable[[int], float]) -> float:
        """From when on what waits should be taken, in whatever company; infinite when nothing waits."""
        waiting_ms = self.all_ms(cost) if self._waiting else 0.0
        return min([self._due_ms(ask.first, waiting_ms) for ask in self._waiting.values()], default=inf)

    def _due_ms(self, request: Request, waiting_ms: float = 0.0) -> float:
        """What may linger does while its batch would have time for more than waits."""
        if not request.may_linger or waiting_ms >= _BATCH_SHARE * request.hold_ms:
            return request.submitted_ms
        return request.submitted_ms + min(self._linger_ms, _LINGER_SHARE * request.hold_ms)

    def _capacity(self, length: int) -> int:
        """How many of a length make a full batch."""
        return max(1, min(self._max_items, self._max_tokens // length))

    def depth_of(self, tenant: str) -> int:
        """The tenant's asks that wait."""
        return self._depths[tenant]

    def group_of(self, detector: BatchDetector) -> int:
        """What tells the detectors that share a pass from others."""
        return self._groups.of(detector)

    def join(self, request: Request) -> bool:
        """Have the request travel with an ask for the same segment, if one waits; that costs next to nothing."""
        ask = self._waiting.get(_key(self._groups.of(request.detector), request))
        if ask is not None:
            ask.requests.append(request)
        return ask is not None

    def add(self, request: Request) -> None:
        """Queue a request as an ask of its own."""
        group = self._groups.of(request.detector)
        ask = Ask(group, next(self._numbers), request.tokens, [request])
        self._queues[_Key(request.may_linger, group, bucket_of(ask.tokens))].push(ask)
        self._waiting[ask.key] = ask
        self._depths[ask.tenant] += 1
        self._backlog.count(ask, ask.tokens)
        self._backlogs.setdefault(ask.tenant, _Backlog()).count(ask, ask.tokens)

    def wait_ms(self, request: Request, cost: Callable[[int], float]) -> float:
        """How long it would take to have the request done; `cost` is a group's milliseconds per token.

        It waits for all that comes before it, but at most for its tenant's part of that times the tenants that wait.
        """
        own = self._backlogs.get(request.tenant)
        tenants = len(self._backlogs) + (own is None)
        own_ms = request.tokens * cost(self._groups.of(request.detector))
        before_ms = own.cost_ms(request.rank, cost) if own is not None else 0.0
        return min(self._backlog.cost_ms(request.rank, cost) + own_ms, (before_ms + own_ms) * tenants)

    def is_next(self, request: Request) -> bool:
        """Whether nothing of an older stream waits."""
        return self._backlog.has_none_before(request.rank)

    def all_ms(self, cost: Callable[[int], float]) -> float:
        """How long it would take to have all done that waits."""
        return self._backlog.all_ms(cost)

    def cost_ms(self, request: Request, cost: Callable[[int], float]) -> float:
        """What the request costs by itself."""
        return request.tokens * cost(self._groups.of(request.detector))

    def take_late(self, now_ms: float) -> list[Ask]:
        """Remove the asks that are past their deadline, and those of streams that are gone; returns the former."""
        return [ask for ask in self._take_where(lambda ask: _is_useless(ask, now_ms)) if ask.first.receiver.is_open]

    def drop_gone(self) -> None:
        """Remove the asks whose stream is gone."""
        self.take_late(-inf)

    def take_of(self, receiver: Receiver) -> list[Ask]:
        """Remove what a stream still waits for."""
        return self._take_where(lambda ask: ask.first.receiver is receiver)

    def _take_where(self, is_taken: Callable[[Ask], bool]) -> list[Ask]:
        taken = [ask for key in list(self._queues) for ask in self._take_from(key, is_taken)]
        for ask in taken:
            self._forget(ask)
        return taken

    def _take_from(self, key: _Key, is_taken: Callable[[Ask], bool]) -> list[Ask]:
        taken = self._queues[key].take_where(is_taken)
        if not self._queues[key].depth:
            del self._queues[key]
        return taken

    def take(self, now_ms: float = -inf, cost: Callable[[int], float] = lambda _: 0.0) -> list[Ask]:
        """The next batch: asks of one group, most urgent first and of like length first; empty when nothing waits."""
        self.drop_gone()
        self._have_due(now_ms)
        lead = _lead(self._queues, self._leader)
        if lead is None:
            return []
        key, self._leader = lead
        batch = self._batch(key, self._leader, now_ms, cost(key.group))
        for ask in batch:
            self._forget(ask)
        return batch

    def _have_due(self, now_ms: float) -> None:
        """Have what lingered for its time queue with all that is due."""
        for key in [each for each in self._queues if each.lingers]:
            for ask in self._take_from(key, lambda ask: self._due_ms(ask.first) <= now_ms):
                self._queues[key._replace(lingers=False)].push(ask)

    def _batch(self, key: _Key, leader: str, now_ms: float, cost_ms: float) -> list[Ask]:
        """A batch that begins with the leader's most urgent ask of a queue; others in order, within their share."""
        length, share = key.length, ceil(self._capacity(key.length) * TENANT_SHARE)
        batch = [self._pop(key, leader)]
        taken = Counter({leader: 1})
        left_ms = (batch[0].deadline_ms - now_ms) * _BATCH_SHARE - batch[0].tokens * cost_ms
        heads, over = _heads(self._queues, key), list[_Head]()
        while heads or over:
            if not heads:  # nobody else waits: what is left over is anybody's
                heads, over, share = over, [], self._max_items
            head = heapq.heappop(heads)
            *_, own, tenant = head
            if len(batch) >= self._capacity(max(length, own.length)):
                continue
            if taken[tenant] >= share:
                heapq.heappush(over, head)
                continue
            heap = self._queues[own].heaps[tenant]
            left_ms -= heap[0][2].tokens * cost_ms
            if left_ms < 0:
                break
            batch.append(self._pop(own, tenant))
            taken[tenant] += 1
            length = max(length, own.length)
            if heap:
                heapq.heappush(heads, (*head[:2], *heap[0][:2], own, tenant))
        return batch

    def _pop(self, key: _Key, tenant: str) -> Ask:
        queue = self._queues[key]
        ask = queue.pop(tenant)
        if not queue.depth:
            del self._queues[key]
        return ask

    def _forget(self, ask: Ask) -> None:
        del self._waiting[ask.key]
        self._depths[ask.tenant] -= 1
        self._backlog.count(ask, -ask.tokens)
        own = self._backlogs[ask.tenant]
        own.count(ask, -ask.tokens)
        if not self._depths[ask.tenant]:
            del self._depths[ask.tenant], self._backlogs[ask.tenant]


def _lead(queues: Mapping[_Key, _Queue], last: str | None) -> tuple[_Key, str] | None:
    """The queue and the tenant of the most urgent ask; of the tenant that led last only if no other waits.

    What lingers leads where nothing is due.
    """
    heads = [
        (key.lingers, tenant == last, *heap[0][:2], key, tenant)
        for key, queue in queues.items()
        for tenant, heap in queue.heaps.items()
    ]
    if not heads:
        return None
    *_, key, tenant = min(heads)
    return key, tenant


def _heads(queues: Mapping[_Key, _Queue], lead: _Key) -> list[_Head]:
    """The most urgent asks of a group, of each tenant and queue: a heap, what is due and of the lead's length first."""
    heads = [
        (key.lingers, key.length != lead.length, *heap[0][:2], key, tenant)
        for key, queue in queues.items()
        if key.group == lead.group
        for tenant, heap in queue.heaps.items()
    ]
    heapq.heapify(heads)
    return heads


class _Queue:
    """The asks of one group and one length, by tenant."""

    def __init__(self) -> None:
        self.heaps: dict[str, _Heap] = {}
        self.depth = 0

    def push(self, ask: Ask) -> None:
        heapq.heappush(self.heaps.setdefault(ask.tenant, []), (ask.rank, ask.number, ask))
        self.depth += 1

    def take_where(self, is_taken: Callable[[Ask], bool]) -> list[Ask]:
        """Take out some asks, wherever they stand."""
        taken: list[Ask] = []
        for tenant, heap in list(self.heaps.items()):
            own = [ask for _, _, ask in heap if is_taken(ask)]
            if not own:
                continue
            taken += sorted(own, key=lambda ask: ask.number)
            gone = {ask.number for ask in own}
            left = self.heaps[tenant] = [each for each in heap if each[1] not in gone]
            heapq.heapify(left)
            if not left:
                del self.heaps[tenant]
        self.depth -= len(taken)
        return taken

    def pop(self, tenant: str) -> Ask:
        """Take out a tenant's most urgent ask."""
        heap = self.heaps[tenant]
        ask = heapq.heappop(heap)[2]
        if not heap:
            del self.heaps[tenant]
        self.depth -= 1
        return ask


class _Backlog:
    """Tokens that wait, by rank and by group."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[Rank, int], int] = {}

    def count(self, ask: Ask, tokens: int) -> None:
        """Add tokens of an ask, or take them away."""
        key = (ask.rank, ask.group)
        left = self._tokens.get(key, 0) + tokens
        if left:
            self._tokens[key] = left
        else:
            del self._tokens[key]

    def all_ms(self, cost: Callable[[int], float]) -> float:
        """What all the tokens cost."""
        return sum(tokens * cost(group) for (_, group), tokens in self._tokens.items())

    def cost_ms(self, last: Rank, cost: Callable[[int], float]) -> float:
        """What the tokens cost that come no later."""
        return sum(tokens * cost(group) for (rank, group), tokens in self._tokens.items() if rank <= last)

    def has_none_before(self, rank: Rank) -> bool:
        """Whether no tokens come earlier."""
        return not any(each < rank for each, _ in self._tokens)


class _Groups:
    """The group of each detector, looked up once: asking a protocol takes some 10 us."""

    _LIMIT = 256

    def __init__(self) -> None:
        self._known: dict[int, tuple[BatchDetector, int]] = {}

    def of(self, detector: BatchDetector) -> int:
        """What may share a pass with the detector: those of its encoder, by its identity; else it alone."""
        known = self._known.get(id(detector))
        if known is None:
            if len(self._known) >= self._LIMIT:  # detectors of policies that were reloaded
                self._known.clear()
            group = id(detector.encoder) if isinstance(detector, EncodedDetector) else id(detector)
            known = self._known[id(detector)] = (detector, group)
        return known[1]


def bucket_of(tokens: int) -> int:
    """The length that a text of so many tokens is padded to at most: 16, 24, 32, 48, 64, 96, ..."""
    power = max(_SHORTEST_BUCKET, 1 << (tokens - 1).bit_length())
    between = power * 3 // 4
    return between if tokens <= between and power > _SHORTEST_BUCKET else power


def _is_useless(ask: Ask, now_ms: float) -> bool:
    return ask.deadline_ms < now_ms or not ask.first.receiver.is_open


def _key(group: int, request: Request) -> tuple[int, int, int, float]:
    return group, id(request.receiver), request.segment.number, request.deadline_ms
