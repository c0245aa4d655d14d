"""What a call-out is made of: its paths, how it reads a request, and how it writes an answer and a failure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

import msgspec

from sidecar.callouts.documents import decoded
from sidecar.callouts.guarded import Guarded, GuardedDocument, check_count, guard_document, guard_texts
from sidecar.codec.jsontext import NotJsonError
from sidecar.codec.shape import Shape
from sidecar.codec.weave import Text
from sidecar.engine import Engine
from sidecar.errors import CallerError
from sidecar.start import StreamStart
from sidecar.values import Lane

_Body = TypeVar("_Body")


class Reply(msgspec.Struct, frozen=True):
    """What is answered: a document to be written as JSON, or a text as it is."""

    content: Any
    status: int = 200
    media_type: str = "application/json"


class Asked:
    """A request of a call-out. `start` is what is known of it before its body is read."""

    def __init__(
        self,
        engine: Engine,
        start: StreamStart,
        body: bytes,
        path: str,
        tenant_of: Callable[[str], str] | None = None,
    ) -> None:
        """`tenant_of` says for which tenant it is, given the one that it names, and raises where it may not be."""
        self.engine = engine
        self.start = start
        self.body = body
        self.path = path
        self._tenant_of = tenant_of

    def read(self, kind: type[_Body]) -> _Body:
        """The body, as JSON of this kind; what the kind does not know is left out. Raises `CallerError`."""
        try:
            return decoded(self.body, kind)
        except msgspec.ValidationError as error:
            raise CallerError(str(error), field="body") from None
        except (msgspec.DecodeError, UnicodeDecodeError, NotJsonError):
            raise CallerError("is not JSON", field="body") from None

    async def guard(
        self, texts: Sequence[tuple[Lane, str]], calls: Sequence[Text] = (), *, may_grow: bool = False, **facts: Any
    ) -> Guarded:
        """Guard texts, and those of a model's calls; `facts` are fields of `StreamStart`. Raises `TidegateError`.

        `may_grow`: more of them may follow in a later call; `Guarded.open_chars` then says how much waits for it.
        """
        fed = [*(Text(lane, text) for lane, text in texts), *calls]
        return await guard_texts(self.engine, self._started(facts), fed, may_grow=may_grow)

    async def guard_each(self, lane: Lane, texts: Sequence[str], **facts: Any) -> list[Guarded]:
        """Guard texts of which none says anything of another, a stream each. Raises `TidegateError`."""
        check_count(self.engine, len(texts))
        return [await self.guard([(lane, text)], **facts) for text in texts]

    async def guard_document(self, shape: Shape, document: Any, **facts: Any) -> GuardedDocument:
        """Guard a provider's request, or with the direction output its answer. Raises `TidegateError`."""
        return await guard_document(self.engine, self._started(facts), shape, document)

    def _started(self, facts: Mapping[str, Any]) -> StreamStart:
        """The start with what the body says; what the operator fixed (policy, tenant) stands."""
        known = {key: value for key, value in facts.items() if value}
        for key in ("policy", "tenant"):
            if getattr(self.start, key):
                known.pop(key, None)
        labels = {**known.pop("labels", {}), **self.start.labels}
        start = msgspec.structs.replace(self.start, **known, labels=labels)
        if self._tenant_of is None:
            return start
        return msgspec.structs.replace(start, tenant=self._tenant_of(start.tenant))


Handler: TypeAlias = Callable[[Asked], Awaitable[Reply]]


class Adapter(Protocol):
    """A form in which somebody asks."""

    @property
    def name(self) -> str:
        """Its name in the settings, in tokens' scopes and in metrics."""
        ...

    @property
    def paths(self) -> Mapping[str, Handler]:
        """What answers to which path, all of them by POST."""
        ...

    def failure(self, status: int, reason: str, message: str) -> Reply:
        """How it tells that it could not answer; `reason` is a word of ours."""
        ...


def plain_failure(status: int, reason: str, message: str) -> Reply:
    """A failure, where the form has none of its own."""
    return Reply({"error": {"type": reason, "message": message}}, status)
