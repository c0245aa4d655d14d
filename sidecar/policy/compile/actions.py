"""What a rule does about what it finds: its action with operator, message and sentence."""

from __future__ import annotations

from collections.abc import Mapping

from sidecar.policy import operators
from sidecar.policy import plan as plans
from sidecar.policy.document import Place
from sidecar.policy.operators import ByName, Form, InWords, RedactionKeys
from sidecar.policy.plan import Replacement, Rewrite
from sidecar.policy.schema.actions import (
    LABEL,
    AdviseAction,
    BlockAction,
    FixedText,
    Hash,
    Label,
    Mask,
    Named,
    OneWayOperator,
    Pseudonym,
    RedactAction,
    StandIn,
    WithholdAction,
)
from sidecar.policy.schema.base import WordingSpec
from sidecar.policy.schema.rules import RuleSpec
from sidecar.values import Action, Channel
from sidecar.wording.languages import ELSE, Language
from sidecar.wording.names import name_of

_WITHHELD = (
    "[Withheld: the rule {rule} keeps this text from you. Go on without it; asking for it again brings the same.]"
)


def action_of(rule: RuleSpec) -> Action:
    """What the rule does to text."""
    if isinstance(rule.action, str):
        return Action.of(rule.action)
    if isinstance(rule.action, AdviseAction):
        return Action.ADVISE
    if isinstance(rule.action, WithholdAction):
        return Action.WITHHOLD
    return Action.BLOCK if isinstance(rule.action, BlockAction) else Action.REDACT


def message_of(rule: RuleSpec) -> WordingSpec | None:
    """What the user is told whose words the rule stops; None where it states nothing, as where one fails closed."""
    if isinstance(rule.action, WithholdAction):
        return rule.action.withhold.message or None
    return rule.action.block.message if isinstance(rule.action, BlockAction) else None


def translations_of(spec: WordingSpec | None) -> dict[str, str]:
    """A text by language, in small letters."""
    return {tag.lower(): text for tag, text in spec.items()} if isinstance(spec, dict) else {}


def default_of(spec: WordingSpec | None, language: Language) -> str | None:
    """What is said to whose language is not known: the text in the policy's own, or else the one for all others."""
    return spec.get(language.value, spec.get(ELSE, "")) if isinstance(spec, dict) else spec


def advice_of(rule: RuleSpec) -> str:
    """What the model is told."""
    return rule.action.advise.note if isinstance(rule.action, AdviseAction) else ""


def in_its_place(rule: RuleSpec) -> str:
    """What stands in the place of a text that is withheld: the model reads it, and has to go on."""
    own = rule.action.withhold.message if isinstance(rule.action, WithholdAction) else ""
    return own or _WITHHELD.format(rule=rule.id)


def is_reversible(rule: RuleSpec) -> bool:
    """Whether what stands in can be put back."""
    return isinstance(rule.action, RedactAction) and isinstance(rule.action.redact, Pseudonym)


def one_way(rule: RuleSpec) -> tuple[OneWayOperator, Place]:
    """The operator that replaces what does not come back, and where in the rule's operator it stands."""
    operator = rule.action.redact if isinstance(rule.action, RedactAction) else LABEL
    return (operator.answers, ("answers",)) if isinstance(operator, StandIn) else (operator, ())


def stand_in_of(rule: RuleSpec) -> plans.StandIn | None:
    """How what the rule finds in a request comes back in the answer."""
    operator = rule.action.redact if isinstance(rule.action, RedactAction) else None
    if not isinstance(operator, StandIn):
        return None
    return plans.StandIn(
        restore=frozenset(map(Channel, operator.restore)),
        by_session=operator.same_within == "session",
        is_secret=rule.detect.detector == "secrets",
    )


def replacements_of(rule: RuleSpec, keys: RedactionKeys | None, language: Language) -> dict[str, Replacement]:
    """How the rule replaces labels otherwise."""
    return {
        label: Replacement(rewrite_of(own, keys, language), isinstance(own, Pseudonym))
        for label, own in by_label(rule).items()
    }


def by_label(rule: RuleSpec) -> Mapping[str, OneWayOperator]:
    """The operators for single labels, as written."""
    return (rule.action.redact.by_label or {}) if isinstance(rule.action, RedactAction) else {}


def rewrite_of(operator: OneWayOperator, keys: RedactionKeys | None, language: Language) -> Rewrite:
    """The operator's function. Those that need `keys` are refused without them before."""
    if isinstance(operator, Mask):
        return operators.mask(char=operator.char, keep_first=operator.keep_first, keep_last=operator.keep_last)
    if isinstance(operator, FixedText):
        return operators.fixed_text(operator.text)
    if isinstance(operator, Hash) and keys is not None:
        return operators.keyed_hash(keys, _form(operator, language), length=operator.length)
    if isinstance(operator, Pseudonym) and keys is not None:
        return operators.pseudonym(keys, _form(operator, language, "[]"))
    return operators.label(_form(operator, language)) if isinstance(operator, Label) else operators.remove()


def _form(operator: Named, language: Language, brackets: str = "<>") -> Form:
    if operator.form == "name":
        return ByName(brackets)
    own = operator.words
    return InWords(lambda label: own.get(label) or name_of(label, language))
