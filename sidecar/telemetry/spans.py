"""Spans and log events of guarded traffic, in the words of OpenTelemetry's conventions and of OpenInference beside.

    caller's span ──> `chat MODEL` (proxy and Envoy: one exchange) ──> `guardrail POLICY` (each of its streams)

Names are those of https://github.com/open-telemetry/semantic-conventions-genai as of July 2026, and of
https://arize-ai.github.io/openinference/spec. What no convention has a name for begins with `tidegate.`. A violation is
a log event (`tidegate.violation`), and so is how an answer rests on its context (`gen_ai.evaluation.result`). Nothing
here holds checked text: no message, no matched value, no excerpt (law 8).

Ending a span or emitting an event puts it into a bounded queue of the SDK's, which never waits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from opentelemetry._logs import Logger, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sidecar.policy.plan import Plan
from sidecar.telemetry.tracing import Asked, Guarded, Guarding
from sidecar.usage import Spent
from sidecar.values import Decision, GroundingTally, Severity

Value: TypeAlias = str | bool | int | float | Sequence[str]
Attributes: TypeAlias = dict[str, Value]

_W3C = TraceContextTextMapPropagator()
_KIND = "openinference.span.kind"
_SEVERITIES: Mapping[Severity, SeverityNumber] = {
    Severity.INFO: SeverityNumber.INFO,
    Severity.LOW: SeverityNumber.INFO4,
    Severity.MEDIUM: SeverityNumber.WARN,
    Severity.HIGH: SeverityNumber.ERROR,
    Severity.CRITICAL: SeverityNumber.FATAL,
}
_FIRST_ERROR = 400
_DOLLARS = "USD"
"""The one currency that OpenInference's costs are in."""


class Spans:
    """Makes spans. `logger` takes the log events; without one there are none."""

    def __init__(self, tracer: Tracer, logger: Logger | None) -> None:
        self._tracer = tracer
        self._logger = logger

    def exchange(self, asked: Asked) -> ExchangeSpan:
        """The span of a call to a model that passes here, which begins now."""
        name = " ".join(filter(None, (asked.operation, asked.model)))
        parent = _context_of(asked.trace)
        span = self._tracer.start_span(name, parent, SpanKind.CLIENT, attributes=_asked(asked))
        return ExchangeSpan(span)

    def stream(self, plan: Plan, guarding: Guarding) -> StreamSpan:
        """The span of a guarded stream, which begins now."""
        parent = _context_of(guarding.trace)
        span = self._tracer.start_span(
            f"guardrail {plan.name}", parent, SpanKind.INTERNAL, attributes=_guarding(plan, guarding)
        )
        return StreamSpan(span, parent, self._logger, plan)


class ExchangeSpan:
    """A call to a model. Whatever belongs to it has `traceparent` as its own parent."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.traceparent = _traceparent_of(span)

    def spent(self, spent: Spent) -> None:
        """Say what the answer took."""
        self._span.set_attributes(_spent(spent))
        self._span.set_attributes(_spent_in_openinference(spent))

    def end(self, *, status: int = 0, error: str = "") -> None:
        """The exchange is over: the upstream answered with an HTTP status (0: with none), or `error` ended it."""
        error = error or (str(status) if status >= _FIRST_ERROR else "")
        if status:
            self._span.set_attribute("http.response.status_code", status)
        if error:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class StreamSpan:
    """A guarded stream. Its events have `traceparent` as their own parent.

    It does not say what the answer took: receivers add up what they find in a trace, and the call's own span says it.
    """

    def __init__(self, span: Span, parent: Context | None, logger: Logger | None, plan: Plan) -> None:
        self._span = span
        self._context = set_span_in_context(span, parent)
        self._evaluated = parent or self._context
        self._logger = logger
        self._plan = plan
        self.traceparent = _traceparent_of(span)

    def violated(self, decision: Decision, event: str) -> None:
        """Tell of a violation; `event` is the id of its event."""
        if self._logger is None:
            return
        rule = self._plan.rules[decision.rule]
        severity = rule.severity_of(decision.finding.score)
        self._logger.emit(
            event_name="tidegate.violation",
            context=self._context,
            severity_number=_SEVERITIES[severity],
            severity_text=severity.word,
            attributes={"tidegate.event.id": event, **_violation(self._plan, decision, severity)},
        )

    def end(self, guarded: Guarded) -> None:
        """The stream is over."""
        told = _guarded(guarded)
        self._span.set_attributes(told)
        self._span.set_attribute("metadata", json.dumps(told))
        if guarded.ended == "failed":
            self._span.set_attribute("error.type", "_OTHER")
            self._span.set_status(Status(StatusCode.ERROR))
        if guarded.grounding is not None:
            self._evaluate(guarded.grounding)
        self._span.end()

    def _evaluate(self, tally: GroundingTally) -> None:
        """Tell how an answer rests on its context, as what evaluates the call that the stream belongs to."""
        if self._logger is None or tally.faithfulness is None:
            return
        self._logger.emit(
            event_name="gen_ai.evaluation.result",
            context=self._evaluated,
            severity_number=SeverityNumber.INFO,
            attributes={
                "gen_ai.evaluation.name": "faithfulness",
                "gen_ai.evaluation.score.value": tally.faithfulness,
                "gen_ai.evaluation.score.label": "pass" if tally.faithfulness == 1 else "fail",
                "tidegate.policy.name": self._plan.name,
            },
        )


def _context_of(traceparent: str) -> Context | None:
    return _W3C.extract({"traceparent": traceparent}, Context()) if traceparent else Context()


def _traceparent_of(span: Span) -> str:
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, set_span_in_context(span))
    return carrier.get("traceparent", "")


def _known(attributes: Mapping[str, Value | None]) -> Attributes:
    """Without what is not known, or is empty."""
    return {name: value for name, value in attributes.items() if value is not None and value != ""}


def _asked(asked: Asked) -> Attributes:
    host, _, port = asked.server.rpartition(":")
    return _known(
        {
            "gen_ai.operation.name": asked.operation,
            "gen_ai.provider.name": asked.provider or "_OTHER",
            "gen_ai.request.model": asked.model,
            "gen_ai.conversation.id": asked.session,
            "gen_ai.request.stream": asked.streams or None,
            "gen_ai.request.choice.count": asked.choices if asked.choices != 1 else None,
            "server.address": host,
            "server.port": int(port) if host else None,
            "tidegate.tenant": asked.tenant,
            _KIND: "LLM",
            "llm.model_name": asked.model,
            "llm.system": asked.provider,
            "session.id": asked.session,
        }
    )


def _guarding(plan: Plan, guarding: Guarding) -> Attributes:
    return _known(
        {
            _KIND: "GUARDRAIL",
            "session.id": guarding.session,
            "gen_ai.conversation.id": guarding.session,
            "gen_ai.request.model": guarding.model,
            "tidegate.stream.id": guarding.stream,
            "tidegate.direction": guarding.direction,
            "tidegate.tenant": guarding.tenant,
            "tidegate.app": guarding.app,
            "tidegate.prompt_version": guarding.prompt_version,
            "tidegate.policy.name": plan.name,
            "tidegate.policy.version": plan.version,
            "tidegate.policy.digest": plan.digest,
        }
    )


def _judged(guarded: Guarded) -> Attributes:
    """What judges said, where one was to be asked."""
    if not guarded.said:
        return {}
    return {
        "tidegate.judge.questions": sum(guarded.said.values()),
        "tidegate.judge.said": sorted(guarded.said),
        "tidegate.judge.max_wait_ms": round(guarded.max_judge_wait_ms, 3),
    }


def _guarded(guarded: Guarded) -> Attributes:
    return {
        "tidegate.ended": guarded.ended,
        "tidegate.done": guarded.done,
        "tidegate.violations": sum(guarded.violations.values()),
        "tidegate.violated_rules": sorted(guarded.violations),
        "tidegate.leaked_chars": guarded.leaked_chars,
        "tidegate.unscanned_chars": guarded.unscanned_chars,
        "tidegate.held.max_ms": round(guarded.max_held_ms, 3),
        **_judged(guarded),
    }


def _violation(plan: Plan, decision: Decision, severity: Severity) -> Attributes:
    """A decision, without what was found: where it stands, and by which rule."""
    rule, finding, lane = plan.rules[decision.rule], decision.finding, decision.lane
    failure = decision.failure
    return _known(
        {
            "tidegate.policy.name": plan.name,
            "tidegate.policy.version": plan.version,
            "tidegate.policy.digest": plan.digest,
            "tidegate.rule": rule.id,
            "tidegate.severity": severity.word,
            "tidegate.enforcement": rule.enforcement,
            "tidegate.detector": rule.detector,
            "tidegate.label": finding.label,
            "tidegate.score": finding.score if failure is None else None,
            "tidegate.threshold": rule.thresholds.get(finding.label),
            "tidegate.failure": failure.kind.value if failure is not None else None,
            "tidegate.decided": decision.decided.word,
            "tidegate.done": decision.done.word,
            "tidegate.part": lane.part,
            "tidegate.channel": lane.channel,
            "tidegate.choice": lane.choice,
            "tidegate.span.start": finding.start,
            "tidegate.span.end": finding.end,
        }
    )


def _spent(spent: Spent) -> Attributes:
    usage = spent.usage
    return _known(
        {
            "gen_ai.usage.input_tokens": usage.input_tokens,
            "gen_ai.usage.output_tokens": usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
            "gen_ai.usage.cache_creation.input_tokens": usage.cache_written_tokens,
            "gen_ai.response.time_to_first_chunk": _seconds(spent.first_token_ms),
            "tidegate.output_tokens_per_second": spent.tokens_per_second,
            "tidegate.cost": spent.cost,
            "tidegate.cost.currency": spent.currency if spent.cost is not None else None,
        }
    )


def _spent_in_openinference(spent: Spent) -> Attributes:
    before, after = spent.usage.input_tokens, spent.usage.output_tokens
    return _known(
        {
            "llm.token_count.prompt": before,
            "llm.token_count.completion": after,
            "llm.token_count.total": before + after if before is not None and after is not None else None,
            "llm.token_count.prompt_details.cache_read": spent.usage.cached_tokens,
            "llm.token_count.prompt_details.cache_write": spent.usage.cache_written_tokens,
            "llm.cost.total": spent.cost if spent.currency == _DOLLARS else None,
        }
    )


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
