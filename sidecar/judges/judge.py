"""One judge: what is known of a text, whether it may be asked, and the call.

1. A verdict that is known is told at once; a question that is on its way is joined. Tenants share neither.
2. Whether a text belongs to the sample follows from its digest, so that it does not depend on chance or cuts.
3. Past the budget, and while the server was found not to answer, nobody is asked.
4. A call ends after `timeout_ms`. Who waits is told at its own deadline at the latest; what comes then is kept.

What a server says beyond its verdict goes nowhere: it may quote what it was sent. Redirects are not followed: the text
is for this server alone.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

import aiohttp
import msgspec

from sidecar.clock import Clock
from sidecar.errors import ConfigError
from sidecar.inference.breaker import Breaker
from sidecar.judges.forms import TEXT, Form, Said, Unreadable, form_of
from sidecar.judges.settings import JudgeSettings
from sidecar.outbox.watched_file import WatchedFile
from sidecar.policy.judging import JudgeFacts, no_verdict, verdict
from sidecar.telemetry.metrics import Metrics
from sidecar.values import FailureKind, Judged

_log = logging.getLogger(__name__)

_ANSWER_BYTES = 64 * 1024
_MOST_CALLS = 64
"""Calls at a time."""
_FAILURES, _OPEN_SECONDS = 5, 5.0
"""After so many failures in a row the server is left alone for so long; then one call tries it."""
_DIGEST_BYTES = 16
OUTCOMES = ("safe", "unsafe", "undecided", "late", "failed", "shed", "unsampled")
"""What may come of an unclear text."""
_NOT_ASKED = {
    "busy": "too many questions are under way",
    "over_budget": "over budget",
    "left_alone": "left alone after failures",
}
WAYS = ("asked", "joined", "cached", "unsampled", *_NOT_ASKED)
"""How a question may fare: it begins a call, joins one, is known, or nobody is asked."""

Told = Callable[[Judged], None]
"""Takes what became of a question, once."""


class Question(msgspec.Struct, frozen=True):
    """A text that is unclear. `is_answer`: a model said it."""

    text: str
    is_answer: bool
    tenant: str


class JudgeError(Exception):
    """There is no verdict. The message is a word of ours."""


class _Message(msgspec.Struct):
    content: str


class _Choice(msgspec.Struct):
    message: _Message


class _Completion(msgspec.Struct):
    choices: list[_Choice]


class Judge:
    """See the module's text. Used on one event loop. Raises `ConfigError` when a file of its settings is unusable."""

    def __init__(self, name: str, settings: JudgeSettings, *, clock: Clock, metrics: Metrics) -> None:
        self.name = name
        self._settings = settings
        self._form = form(name, settings)
        self._clock = clock
        self._outcomes = {each: metrics.judge_verdicts.labels(name, each) for each in OUTCOMES}
        self._ways = {each: metrics.judge_questions.labels(name, each) for each in WAYS}
        self._seconds = metrics.judge_seconds.labels(name)
        self._waited = metrics.judge_wait_seconds.labels(name)
        self._key = secrets.token_bytes(_DIGEST_BYTES)
        self._budget = _Allowance(settings.budget.per_minute, clock.now_ms())
        self._breaker = Breaker(failures=_FAILURES, open_seconds=_OPEN_SECONDS)
        self._known: OrderedDict[bytes, Said] = OrderedDict()
        self._calls: dict[bytes, asyncio.Task[Said]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._api_key = WatchedFile(settings.key_file, f"judges.{name}.key_file") if settings.key_file else None
        if self._api_key is not None:
            self._api_key.text()

    def ask(self, question: Question, by_ms: float, told: Told) -> None:
        """Have a text judged; `told` is called once: at once, or by `by_ms` at the latest."""
        key = self._digest(question)
        way = self._way(key)
        self._ways[way].inc()
        if way == "cached":
            self._known.move_to_end(key)
            told(self._judged(self._known[key]))
        elif way == "unsampled":
            told(self._undecided("unsampled", "not in the sample"))
        elif way in _NOT_ASKED:
            told(self._undecided("shed", f"not asked, {_NOT_ASKED[way]}", FailureKind.SHED))
        else:
            call = self._calls[key] if way == "joined" else self._begin(key, question)
            _Wait(self, call, by_ms, self._timed(told), self._clock)

    def _way(self, key: bytes) -> str:
        """What becomes of a question: one of `WAYS`."""
        now_ms = self._clock.now_ms()
        if key in self._known:
            return "cached"
        if int.from_bytes(key[:8], "big") >= self._settings.sample * 2**64:
            return "unsampled"
        if key in self._calls:
            return "joined"
        if len(self._calls) >= _MOST_CALLS:
            return "busy"
        if not self._budget.has_one(now_ms):
            return "over_budget"
        return "asked" if self._breaker.admits(now_ms / 1000) else "left_alone"

    def _timed(self, told: Told) -> Told:
        """Note how long a text waited for what became of its question."""
        began_ms = self._clock.now_ms()

        def tell(judged: Judged) -> None:
            self._waited.observe((self._clock.now_ms() - began_ms) / 1000)
            told(judged)

        return tell

    async def stop(self) -> None:
        """Give up what is under way and close the connections."""
        calls = [*self._calls.values()]
        for call in calls:
            call.cancel()
        if calls:
            await asyncio.wait(calls)
        if self._session is not None:
            await self._session.close()

    def outcome_of(self, call: asyncio.Task[Said]) -> Judged:
        """What a call that ended came to."""
        if call.cancelled():
            return self._undecided("failed", "failed", FailureKind.ERROR)
        error = call.exception()
        if error is None:
            return self._judged(call.result())
        is_late = isinstance(error, TimeoutError)
        return self.late() if is_late else self._undecided("failed", str(error), FailureKind.ERROR)

    def late(self) -> Judged:
        """What a question comes to that is not answered in time."""
        return self._undecided("late", "late", FailureKind.TIMEOUT)

    def _judged(self, said: Said) -> Judged:
        if said.is_unsafe is None:
            return self._undecided("undecided", "cannot decide")
        self._outcomes["unsafe" if said.is_unsafe else "safe"].inc()
        return verdict(self.name, said.is_unsafe, said.labels)

    def _undecided(self, outcome: str, why: str, failure: FailureKind | None = None) -> Judged:
        self._outcomes[outcome].inc()
        return no_verdict(self.name, why, failure)

    def _digest(self, question: Question) -> bytes:
        digest = blake2b(key=self._key, digest_size=_DIGEST_BYTES)
        tenant = question.tenant.encode("utf-8", "surrogatepass")
        digest.update(b"%d %d " % (question.is_answer, len(tenant)))
        digest.update(tenant + question.text.encode("utf-8", "surrogatepass"))
        return digest.digest()

    def _begin(self, key: bytes, question: Question) -> asyncio.Task[Said]:
        """Make a call."""
        self._budget.take()
        call = self._calls[key] = asyncio.create_task(self._call(question), name=f"judge {self.name}")
        call.add_done_callback(lambda done: self._ended(key, done))
        return call

    def _ended(self, key: bytes, call: asyncio.Task[Said]) -> None:
        del self._calls[key]
        if call.cancelled():
            self._breaker.abandoned()
            return
        if (error := call.exception()) is not None:
            self._breaker.failed(self._clock.now_ms() / 1000)
            _log.warning("a judge gave no verdict", extra={"judge": self.name, "error": _why(error)})
            return
        self._breaker.succeeded()
        self._known[key] = call.result()
        while len(self._known) > self._settings.cache_entries:
            self._known.popitem(last=False)

    async def _call(self, question: Question) -> Said:
        """Ask. Raises `JudgeError`, or `TimeoutError`."""
        body = self._form.body(self._settings.model, question.text, is_answer=question.is_answer)
        began_ms = self._clock.now_ms()
        try:
            async with asyncio.timeout(self._settings.timeout_ms / 1000):
                answer = await self._post(msgspec.json.encode(body))
            content = msgspec.json.decode(answer, type=_Completion).choices[0].message.content
            said = self._form.verdict(content)
        except TimeoutError:
            raise
        except (msgspec.MsgspecError, UnicodeError, IndexError, Unreadable):
            raise JudgeError("unreadable") from None
        except (aiohttp.ClientError, OSError, ConfigError):
            raise JudgeError("failed") from None
        self._seconds.observe((self._clock.now_ms() - began_ms) / 1000)
        return said

    async def _post(self, body: bytes) -> bytes:
        headers = {"content-type": "application/json"}
        if self._api_key is not None:
            headers["authorization"] = f"Bearer {self._api_key.text()}"
        if self._session is None:
            self._session = aiohttp.ClientSession()
        url = self._settings.url.rstrip("/") + "/chat/completions"
        async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            if response.status != 200:
                raise JudgeError(f"failed with {response.status}")
            answer = await response.content.read(_ANSWER_BYTES)
            while len(answer) < _ANSWER_BYTES and (more := await response.content.read(_ANSWER_BYTES)):
                answer += more
            return answer


class _Wait:
    """Somebody who waits for a call, until a time at the latest."""

    def __init__(self, judge: Judge, call: asyncio.Task[Said], by_ms: float, told: Told, clock: Clock) -> None:
        self._judge = judge
        self._told: Told | None = told
        self._timer = clock.call_at(by_ms, self._late)
        call.add_done_callback(self._done)

    def _late(self) -> None:
        self._tell(self._judge.late)

    def _done(self, call: asyncio.Task[Said]) -> None:
        self._timer.cancel()
        self._tell(lambda: self._judge.outcome_of(call))

    def _tell(self, judged: Callable[[], Judged]) -> None:
        told, self._told = self._told, None
        if told is not None:
            told(judged())


class _Allowance:
    """So many in a minute, spread over it: a tenth of them at once."""

    def __init__(self, per_minute: int, now_ms: float) -> None:
        self._per_ms = per_minute / 60_000
        self._most = max(1.0, per_minute / 10)
        self._left = self._most
        self._at_ms = now_ms

    def has_one(self, now_ms: float) -> bool:
        """Whether there is one."""
        self._left = min(self._most, self._left + (now_ms - self._at_ms) * self._per_ms)
        self._at_ms = now_ms
        return self._left >= 1

    def take(self) -> None:
        """Take one."""
        self._left -= 1


def form(name: str, settings: JudgeSettings) -> Form:
    """How a judge is asked. Raises `ConfigError` when its prompt cannot be used."""
    prompt, file = "", settings.prompt_file
    if file is not None:
        path = f"judges.{name}.prompt_file"
        prompt = WatchedFile(file, path).text()
        if TEXT not in prompt:
            raise ConfigError(f"{file} does not say where the text stands; write {TEXT} there", path=path)
    return form_of(settings.prompt, settings.labels, risk=settings.risk, prompt=prompt)


def facts_of(name: str, settings: JudgeSettings) -> JudgeFacts:
    """What policies have to know of a judge. Raises `ConfigError` when its prompt cannot be used."""
    return JudgeFacts(settings.timeout_ms, frozenset(form(name, settings).labels.values()))


def _why(error: BaseException) -> str:
    return str(error) if isinstance(error, JudgeError) else type(error).__name__
