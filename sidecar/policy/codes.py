"""The codes of what can be wrong with a policy: stable names that people search for, silence, and count.

    TG0..  the file and its YAML
    TG1..  words, keys and values of the language
    TG2..  detectors, labels and parameters
    TG3..  what a rule cannot keep in a stream
    TG4..  names and tags
    TG5..  tests
    TG6..  warnings: the policy is right, and hardly what was meant

A code never changes its meaning; one that is no longer given is not given to anything else. `docs/policy-codes.md` is
made from this table, and a test runs every example.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Level = Literal["error", "warning"]


class Code(StrEnum):
    """What is wrong."""

    UNREADABLE_FILE = "TG001"
    NOT_TEXT = "TG002"
    TOO_LARGE = "TG003"
    NOT_YAML = "TG004"
    NO_POLICY = "TG005"
    REPEATED_KEY = "TG006"
    NO_VALUE = "TG007"
    FOREIGN_YAML = "TG008"
    NOT_ONE_DOCUMENT = "TG009"
    NOT_LAID_OUT = "TG010"

    UNKNOWN_KEY = "TG101"
    MISSING_KEY = "TG102"
    UNKNOWN_WORD = "TG103"
    WRONG_KIND = "TG104"
    OUT_OF_BOUNDS = "TG105"
    TOO_SHORT = "TG106"
    TOO_LONG = "TG107"
    WRONG_FORM = "TG108"
    UNKNOWN_ACTION = "TG109"
    CONTRADICTION = "TG110"

    UNKNOWN_DETECTOR = "TG201"
    UNUSABLE_DETECTOR = "TG202"
    REFUSED_PARAMETERS = "TG203"
    UNKNOWN_LABEL = "TG204"
    REPEATED_LABEL = "TG205"
    TWO_THRESHOLDS = "TG206"
    WRONG_REGEX = "TG207"
    UNKNOWN_TOPIC = "TG208"
    UNUSED_WORDS = "TG209"
    UNKNOWN_LIST = "TG210"

    READS_NOTHING = "TG301"
    TEXT_HAS_LEFT = "TG302"
    HOLDS_TOO_MUCH = "TG303"
    CANNOT_FAIL_CLOSED = "TG304"
    NO_HISTORY = "TG305"
    NO_KEY = "TG306"
    CALLS_STAY = "TG307"
    NOTHING_TO_COMPARE = "TG308"
    CALLS_WAIT_FOR_NOBODY = "TG309"
    NOT_FOR_EVERYBODY = "TG310"
    NOTHING_LEADS_THERE = "TG311"
    NOBODY_TO_ADVISE = "TG312"
    WRONG_CONDITION = "TG313"
    SCORES_WITHOUT_SEVERITY = "TG314"
    NEVER_STANDS_THERE = "TG315"
    UNKNOWN_EXEMPLARS = "TG350"
    WRONG_EXEMPLARS = "TG351"
    RAW_WITHOUT_REASON = "TG360"
    EVIDENCE_NOT_KEPT = "TG361"
    JUDGES_CALLS_ALONE = "TG370"
    CALL_IS_NO_TEXT = "TG371"
    CALL_HAS_LEFT = "TG372"
    UNKNOWN_JUDGE = "TG380"
    NOTHING_TO_JUDGE = "TG381"
    WRONG_BAND = "TG382"
    JUDGE_TOO_SLOW = "TG383"
    UNKNOWN_JUDGE_LABEL = "TG384"

    REPEATED_POLICY = "TG401"
    REPEATED_RULE = "TG402"
    MATCH_OF_DEFAULT = "TG403"
    UNKNOWN_TAG = "TG404"
    NOTHING_TO_REPLACE = "TG410"

    REPEATED_TEST = "TG501"
    UNKNOWN_RULE = "TG502"
    UNKNOWN_FAKE = "TG503"
    CANNOT_FAIL = "TG504"
    NOT_ONE_TEXT = "TG505"
    UNKNOWN_POLICY = "TG506"
    TEST_FAILED = "TG507"

    SHADOWED_POLICY = "TG601"
    CANNOT_FIRE = "TG602"
    UNREAD_PART = "TG603"
    DOMINATED_RULE = "TG604"
    TWICE_THE_SAME = "TG605"
    SENSELESS_THRESHOLD = "TG606"
    LOST_BACKSLASH = "TG607"
    MATCHES_NOTHING = "TG608"
    OTHER_DIRECTION = "TG609"
    UNTESTED_RULE = "TG610"
    BLOCKS_WITHOUT_MESSAGE = "TG611"
    NOTICE_OF_NOTHING = "TG612"
    EXCEPTION_ENDS = "TG613"
    SENSELESS_BAND = "TG614"


@dataclass(frozen=True, slots=True)
class About:
    """What there is to know of a code: its name, why it matters, a policy that brings it, and what to do.

    An example is what differs from a policy that is right: `in_full` puts the rest around it.
    """

    title: str
    why: str
    remedy: str
    example: str

    @property
    def in_full(self) -> str:
        """The example as a policy."""
        begins = self.example.startswith(("apiVersion:", "#", "- ", "%"))
        given = {line.split(":")[0] for line in self.example.splitlines() if line[:1].strip()}
        return self.example if begins else "".join(text for key, text in _FRAME if key not in given) + self.example


_FRAME: tuple[tuple[str, str], ...] = (
    ("apiVersion", "apiVersion: tidegate.dev/v1\n"),
    ("kind", "kind: Policy\n"),
    ("metadata", 'metadata: {name: example, version: "1"}\n'),
    ("rules", "rules: [{id: cards, detect: {detector: pii, labels: [CREDIT_CARD]}, action: redact}]\n"),
)


def level_of(code: Code) -> Level:
    """Whether it stops the policy from being loaded."""
    return "warning" if code.startswith("TG6") else "error"


ABOUT: Mapping[Code, About] = {
    Code.UNREADABLE_FILE: About(
        "the file cannot be read",
        "A file that is there and cannot be read is never passed over: the policies in it would be missing unnoticed.",
        "Check the path and who may read it.",
        "",
    ),
    Code.NOT_TEXT: About(
        "this is not text",
        "Policies are UTF-8.",
        "Save the file as UTF-8.",
        "",
    ),
    Code.TOO_LARGE: About(
        "the file is too large, too deep, or holds itself",
        "A file of at most 1 MiB, 1,000 documents and 40 levels compiles in bounded time and memory.",
        "Split the file; write out what an alias repeats.",
        f"rules: {41 * '['}{41 * ']'}\n",
    ),
    Code.NOT_YAML: About(
        "this is not YAML",
        "The place is where the reader gave up: the mistake stands there or shortly before. Other documents of the"
        " file are still checked.",
        "Check indentation (blanks, no tabs), quotes and brackets near the place.",
        "rules: [\n",
    ),
    Code.NO_POLICY: About(
        "the file holds no policy",
        "A file without a policy is most likely a mistake: of the path, or of a generator.",
        "Begin with `apiVersion: tidegate.dev/v1`, or leave the file out.",
        "# nothing yet\n",
    ),
    Code.REPEATED_KEY: About(
        "a key is written twice",
        "YAML readers differ in which of the two counts.",
        "Keep one of the two.",
        'metadata: {name: example, version: "1", name: other}\n',
    ),
    Code.NO_VALUE: About(
        "a key has no value",
        "Nothing is not the default: it is not said which was meant.",
        "Give the key a value, or remove it.",
        "match:\n",
    ),
    Code.FOREIGN_YAML: About(
        "YAML that is not part of the language",
        "Merge keys, tags and keys that are not text hide from a reader what a policy says.",
        "Write the keys and values out.",
        'metadata: {name: !!binary example, version: "1"}\n',
    ),
    Code.NOT_ONE_DOCUMENT: About(
        "a file of tests with several documents, or none",
        "A file of tests (`*_test.yaml`) is one document.",
        "Keep one; it may have any number of `tests`.",
        "",
    ),
    Code.NOT_LAID_OUT: About(
        "`tidegate policy fmt` cannot lay the file out",
        "What would come out would not say what the file says, so it is left as it is.",
        "Write each key on a line of its own, and comments on lines of their own.",
        "",
    ),
    Code.UNKNOWN_KEY: About(
        "an unknown key",
        "A misspelt key would be a setting that silently does nothing.",
        "Take the key that is suggested, or remove it.",
        "rules:\n  - id: cards\n    detect: {detector: pii}\n    action: redact\n    severty: high\n",
    ),
    Code.MISSING_KEY: About(
        "a key is missing",
        "There is no default for it.",
        "Add the key.",
        "rules: [{id: cards, action: redact}]\n",
    ),
    Code.UNKNOWN_WORD: About(
        "a word that does not belong here",
        "The key takes a few words, and this is none of them.",
        "Take the word that is suggested.",
        "match: {directions: [outputs]}\n",
    ),
    Code.WRONG_KIND: About(
        "a value of another kind",
        'Nothing is converted: `1.0` is a number and not the text "1.0", and a word is not a list of one word.',
        "Put quotes around what is text, brackets around a list.",
        "metadata: {name: example, version: 1.0}\n",
    ),
    Code.OUT_OF_BOUNDS: About(
        "a number that is too small or too large",
        "Scores are 0 to 1; times and lengths have limits, so that a policy is kept in bounded time and memory.",
        "Write a number within the limits.",
        "rules: [{id: cards, detect: {detector: pii, labels: {CREDIT_CARD: 60}}, action: redact}]\n",
    ),
    Code.TOO_SHORT: About(
        "a value is empty or too short",
        "An empty list would say that nothing is meant.",
        "Give it an entry, or remove the key: left out, it has a default.",
        "rules: []\n",
    ),
    Code.TOO_LONG: About(
        "a value is too long",
        "Names, messages and lists have limits.",
        "Keep it to the limit.",
        f"metadata: {{name: example, version: '{65 * '1'}'}}\n",
    ),
    Code.WRONG_FORM: About(
        "a value has a form that its key does not take",
        "Names are 1 to 64 letters, digits, `.`, `_` or `-`; some keys take a word, a list or a mapping.",
        "Write it in one of the forms that are named.",
        'metadata: {name: my policy, version: "1"}\n',
    ),
    Code.UNKNOWN_ACTION: About(
        "this is not an action",
        "A rule does one thing: `allow`, `annotate`, `advise`, `redact`, `withhold` or `block`.",
        "Write one action; for two, write two rules: the stronger action wins.",
        "rules: [{id: cards, detect: {detector: pii}, action: {annotate: {}}}]\n",
    ),
    Code.CONTRADICTION: About(
        "keys that do not go together",
        "One of them would do nothing.",
        "Remove one of the two.",
        "rules: [{id: cards, detect: {detector: pii},"
        " action: {redact: {with: label, form: name, words: {CREDIT_CARD: card}}}}]\n",
    ),
    Code.UNKNOWN_DETECTOR: About(
        "there is no such detector",
        "The rule would look for nothing.",
        "Take the detector that is suggested, or install the package that has it.",
        "rules: [{id: cards, detect: {detector: presidio}, action: redact}]\n",
    ),
    Code.UNUSABLE_DETECTOR: About(
        "the detector cannot be used",
        "It is known, and cannot work here: its model or its package is missing, or damaged.",
        "Install what it needs, or leave the rule out.",
        "rules: [{id: attacks, detect: {detector: injection, model: not-there}, action: block}]\n",
    ),
    Code.REFUSED_PARAMETERS: About(
        "the detector refuses its parameters",
        "Each detector has keys of its own; what they say together must make sense.",
        "Correct the parameters: docs/policies.md says what each takes.",
        "rules: [{id: words, detect: {detector: patterns}, action: redact}]\n",
    ),
    Code.UNKNOWN_LABEL: About(
        "the detector has no such label",
        "The rule would never fire for it.",
        "Take the label that is suggested; `docs/policies.md` and your editor list all of them.",
        "rules: [{id: mails, detect: {detector: pii, labels: [EMAIL]}, action: redact}]\n",
    ),
    Code.REPEATED_LABEL: About(
        "a label is listed twice",
        "One of the two does nothing.",
        "Keep one of the two.",
        "rules: [{id: cards, detect: {detector: pii, labels: [CREDIT_CARD, CREDIT_CARD]}, action: redact}]\n",
    ),
    Code.TWO_THRESHOLDS: About(
        "two thresholds for one label",
        "`labels` as a mapping states a least score for each label, `threshold` one for all.",
        "Keep one: a list of labels with `threshold`, or a score for each label.",
        "rules: [{id: cards, detect: {detector: pii, labels: {CREDIT_CARD: 0.6}, threshold: 0.8}, action: redact}]\n",
    ),
    Code.WRONG_REGEX: About(
        "a regex that cannot run in a stream",
        "Text is still arriving when a regex reads it, and thousands run at once: so none may look around, refer back,"
        " match the empty text, or grow without end.",
        "Follow the remedy that the message names, mostly `\\b` in place of a look-around.",
        "rules: [{id: codes, detect: {detector: patterns, patterns: [{label: CODE, regex: '(?<=#)\\d+'}]},"
        " action: redact}]\n",
    ),
    Code.UNKNOWN_TOPIC: About(
        "there is no such trained topic",
        "The model was trained on a list of topics; others need a few examples.",
        "Take the topic that is suggested, or give your own `{name: ..., examples: [...]}`.",
        "rules: [{id: off, detect: {detector: topic, deny: [medicine]}, action: block}]\n",
    ),
    Code.UNUSED_WORDS: About(
        "words, or an operator, for a label that the rule does not act on",
        "They would never be used.",
        "Take the label that is suggested, or remove them.",
        "rules: [{id: cards, detect: {detector: pii, labels: [CREDIT_CARD]},"
        " action: {redact: {with: label, words: {IBAN_CODE: account}}}}]\n",
    ),
    Code.READS_NOTHING: About(
        "the rule reads nothing",
        "No text comes on these channels from these parts.",
        "Add a part or a channel, as the message says.",
        "rules: [{id: cards, detect: {detector: pii, parts: [user], channels: [reasoning]}, action: redact}]\n",
    ),
    Code.TEXT_HAS_LEFT: About(
        "what a model finds cannot be redacted in optimistic mode",
        "Text leaves before the model answers, so there is nothing left to replace.",
        "Use `mode: strict`, or the action `block`, which cuts the stream, or `annotate`.",
        "stream: {mode: optimistic}\nrules: [{id: abuse, detect: {detector: toxicity}, action: redact}]\n",
    ),
    Code.HOLDS_TOO_MUCH: About(
        "the rule may hold back more than the stream holds",
        "A match that may still be arriving is held; the stream would stand still.",
        "Raise `stream.max_held_chars`, or bound the repeats of the regex.",
        "stream: {max_held_chars: 256}\n"
        "rules: [{id: codes, detect: {detector: patterns, max_match_chars: 512,"
        " patterns: [{label: CODE, regex: 'x\\w+'}]}, action: redact}]\n",
    ),
    Code.CANNOT_FAIL_CLOSED: About(
        "a rule that only tells cannot fail closed",
        "Text does not wait for a rule that allows or annotates.",
        "Remove the fail mode, or let the rule block or redact.",
        "rules: [{id: cards, detect: {detector: pii}, action: annotate, on_error: fail_closed}]\n",
    ),
    Code.NO_HISTORY: About(
        "`history` of a rule that does not block",
        "`history` says what a rule that blocks does to what is old in a request.",
        "Remove `history`, or let the rule block.",
        "rules: [{id: cards, detect: {detector: pii}, action: redact, history: refuse}]\n",
    ),
    Code.NO_KEY: About(
        "the operator needs the redaction key, and none is configured",
        "Hashes and pseudonyms are made with a secret. `tidegate policy` has a public one for tests, so this is said"
        " by the service alone.",
        "Set `keys.redaction` or `keys.redaction_file`, or use `mask`, `label` or `remove`.",
        "rules: [{id: cards, detect: {detector: pii}, action: {redact: {with: hash}}}]\n",
    ),
    Code.CALLS_STAY: About(
        "the redaction leaves what a model hands to tools",
        "A tool would work with the replacement; so it is kept, unless the rule says otherwise.",
        "Say `in_tool_arguments: replace`, use `with: stand_in`, or leave `tool_arguments` out.",
        "rules: [{id: cards, detect: {detector: pii, channels: [tool_arguments]}, action: redact}]\n",
    ),
    Code.NOTHING_TO_COMPARE: About(
        "the rule compares answers, and the policy takes none",
        "`grounding` compares what a model answers with the context.",
        "Let `match.directions` have `output`.",
        "match: {directions: [input]}\nrules: [{id: invented, detect: {detector: grounding}, action: annotate}]\n",
    ),
    Code.CALLS_WAIT_FOR_NOBODY: About(
        "calls of tools wait for no verdict",
        "`tool_calls: whole` holds a call until it is judged, and no rule that changes text judges it.",
        "Remove `tool_calls`, or have a rule that blocks or redacts read the channel `tool_arguments`.",
        "stream: {tool_calls: whole}\nrules: [{id: cards, detect: {detector: pii}, action: annotate}]\n",
    ),
    Code.NOT_FOR_EVERYBODY: About(
        "a text in several languages, and none for everybody else",
        "Who reads another language would be told nothing.",
        "Add the text in the policy's language, or under `default`.",
        "rules: [{id: cards, detect: {detector: pii}, action: {block: {message: {fr: 'Je ne peux pas.'}}}}]\n",
    ),
    Code.NOTHING_LEADS_THERE: About(
        "nothing leads to this escalation",
        "A session is stopped for violations of rules that add risk; where none does, or none that is severe enough, it"
        " never is.",
        "Give a rule `risk`, or lower the escalation's `severity`.",
        "session: {escalation: [{id: three, after: {violations: 3, within: 10m}, for: 10m}]}\n",
    ),
    Code.NOBODY_TO_ADVISE: About(
        "there is no model to advise",
        "A note is put into the instructions of a request. What a model has said already takes no advice any more.",
        "Have the rule read parts of requests, or let it annotate, redact or block.",
        "rules: [{id: cards, detect: {detector: pii, parts: [model]}, action: {advise: {note: Ask for none.}}}]\n",
    ),
    Code.UNKNOWN_LIST: About(
        "there is no such list, or it is wrong",
        "A rule is checked with all that its lists hold: without one it would find less than its author means.",
        "Put the list into the folder `lists` beside the policy's file, with its own name in it once.",
        "rules: [{id: a, detect: {detector: patterns, keywords: {CODE: {list: codenames}}}, action: redact}]\n",
    ),
    Code.WRONG_CONDITION: About(
        "this is no condition",
        "A condition is compiled with the types of what it asks of when the policy is loaded, and its work is bounded.",
        "Correct it where the line and the column say; the reference lists what it may ask of.",
        "rules: [{id: a, detect: {detector: pii}, when: finding.score > high, action: redact}]\n",
    ),
    Code.SCORES_WITHOUT_SEVERITY: About(
        "scores have no severity",
        "Severities by score begin at the least score that counts, so that every violation has one.",
        "Begin with the least threshold of the rule's labels.",
        "rules: [{id: a, detect: {detector: pii, threshold: 0.5}, severity: {0.8: high}, action: redact}]\n",
    ),
    Code.NEVER_STANDS_THERE: About(
        "what a rule requires cannot be there",
        "`requires` counts what rules of the same policy have found by the end of a finding. What no rule finds, what"
        " reads other texts, what depends on something itself, or what comes when the text has left is never counted.",
        "Name a rule of the policy, or a label that one finds; one with `action: allow` finds and changes nothing.",
        "rules: [{id: a, detect: {detector: pii, labels: [IBAN_CODE]}, requires: {any: [names]}, action: redact}]\n",
    ),
    Code.UNKNOWN_EXEMPLARS: About(
        "there are no such exemplars",
        "A rule that goes by exemplars would go by none: known attacks would pass, known false alarms would block.",
        "Put them into exemplars/NAME.jsonl beside the policy's file, or name a store in the settings.",
        "rules: [{id: attacks, detect: {detector: injection, exemplars: support}, action: block}]\n",
    ),
    Code.WRONG_EXEMPLARS: About(
        "the exemplars are wrong",
        "A set is taken as a whole or not at all; the last good one stays in force.",
        "Correct the line that is named; `tidegate exemplars check` reads the file as the service does.",
        "",
    ),
    Code.RAW_WITHOUT_REASON: About(
        "a rule's events have the text itself, and no reason",
        "With `evidence: {level: raw}` what a rule matches goes into events as it is, for everybody who reads them.",
        "Say in `reason` what it is needed for; the events have it too. `encrypted` shows it to one key's holder only.",
        "rules: [{id: a, detect: {detector: pii}, evidence: {level: raw}, action: redact}]\n",
    ),
    Code.EVIDENCE_NOT_KEPT: About(
        "a rule's events cannot keep what it says",
        "What is encrypted is encrypted for a public key, and a keyed hash has a key; the settings have none.",
        "Set `events.evidence_key_file` or `keys.hash_file`, or choose another level.",
        "rules: [{id: a, detect: {detector: pii}, evidence: {level: encrypted}, action: redact}]\n",
    ),
    Code.JUDGES_CALLS_ALONE: About(
        "a rule about calls of tools is to read something else",
        "`tools` judges calls: what they call, and with which arguments. There is nothing of that in other texts.",
        "Leave out `detect.parts` and `detect.channels`.",
        "rules: [{id: calls, detect: {detector: tools, allow: [search], channels: [content]}, action: block}]\n",
    ),
    Code.CALL_IS_NO_TEXT: About(
        "a rule about calls of tools is to change text",
        "A call is in order or it is not: there is no text to be replaced, withheld or advised on.",
        "Use `block` or `annotate`.",
        "rules: [{id: calls, detect: {detector: tools, allow: [search]}, action: redact}]\n",
    ),
    Code.CALL_HAS_LEFT: About(
        "a rule is to block calls that stream",
        "An agent would have what it is to run before the call is judged.",
        "Remove `stream.tool_calls`, or say `whole`.",
        "stream: {tool_calls: stream}\n"
        "rules: [{id: calls, detect: {detector: tools, allow: [search]}, action: block}]\n",
    ),
    Code.UNKNOWN_JUDGE: About(
        "a rule leaves findings to a judge that is not configured",
        "The judges that may be asked, and where they are, stand in the settings.",
        "Add the judge to `judges` in the configuration, or name one that is there.",
        "rules:\n  - id: insults\n    detect: {detector: toxicity, labels: {insult: 0.7}}\n"
        "    judge: {name: nobody, between: [0.4, 0.9]}\n    action: annotate\n",
    ),
    Code.NOTHING_TO_JUDGE: About(
        "a rule leaves findings to a judge that never waits for one",
        "Pattern scanners let text out as soon as they have read it, and pair checkers compare it with a context; a"
        " judge is asked about segments that a model scored.",
        "Leave out `judge`, or use a detector that has a model read segments.",
        "rules:\n  - id: cards\n    detect: {detector: pii, labels: [CREDIT_CARD]}\n"
        "    judge: {name: guard, between: [0, 1]}\n    action: annotate\n",
    ),
    Code.WRONG_BAND: About(
        "the scores that are left to a judge do not surround the threshold",
        "Above the band a finding is a violation and below it is none; a threshold elsewhere would say otherwise.",
        "Let `between` hold the threshold of each label: `[0.4, 0.9]` for 0.7.",
        "rules:\n  - id: insults\n    detect: {detector: toxicity, labels: {insult: 0.7}}\n"
        "    judge: {name: guard, between: [0.8, 0.9]}\n    action: annotate\n",
    ),
    Code.JUDGE_TOO_SLOW: About(
        "a judge may take longer than text is held",
        "The detector has to answer first, and then the judge, all within `stream.max_hold_ms`.",
        "Raise `stream.max_hold_ms`, or lower the judge's `timeout_ms`.",
        "stream: {max_hold_ms: 200}\nrules:\n  - id: insults\n"
        "    detect: {detector: toxicity, labels: {insult: 0.7}}\n"
        "    judge: {name: guard, between: [0.4, 0.9]}\n    action: annotate\n",
    ),
    Code.UNKNOWN_JUDGE_LABEL: About(
        "a rule waits for a label that its judge never says",
        "The labels of a judge follow from its prompt's form and from its `labels` in the settings.",
        "Name one of the judge's labels, or leave `labels` out: then any confirms a finding.",
        "rules:\n  - id: insults\n    detect: {detector: toxicity, labels: {insult: 0.7}}\n"
        "    judge: {name: guard, between: [0.4, 0.9], labels: [rudeness]}\n    action: annotate\n",
    ),
    Code.REPEATED_POLICY: About(
        "two policies have one name",
        "Streams and events name a policy by its name.",
        "Give each policy its own name.",
        'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: example, version: "1"}\n'
        "rules: [{id: cards, detect: {detector: pii}, action: redact}]\n---\n"
        'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: example, version: "2"}\n'
        "rules: [{id: cards, detect: {detector: pii}, action: redact}]\n",
    ),
    Code.REPEATED_RULE: About(
        "two rules have one id",
        "Events and tests name a rule by its id.",
        "Give each rule its own id.",
        "rules:\n  - {id: pii, detect: {detector: pii, labels: [CREDIT_CARD]}, action: redact}\n"
        "  - {id: pii, detect: {detector: pii, labels: [IBAN_CODE]}, action: redact}\n",
    ),
    Code.MATCH_OF_DEFAULT: About(
        "the policy `default` has a `match`",
        "It takes every stream that no other policy takes.",
        "Remove `match`, or give the policy another name.",
        'metadata: {name: default, version: "1"}\nmatch: {directions: [input]}\n',
    ),
    Code.NOTHING_TO_REPLACE: About(
        "a version that is tried, and none that it replaces",
        "A rollout takes a part of the streams of another version of the same policy, with the same `match`.",
        "Name the version that the other streams keep, and have it loaded, too.",
        'rollout: {percent: 10, replaces: "1"}\nrules: [{id: cards, detect: {detector: pii}, action: redact}]\n',
    ),
    Code.UNKNOWN_TAG: About(
        "an unknown tag",
        "Tags name entries of published lists, so that events can be counted by them.",
        "Take the entry that is suggested, or remove the tag.",
        "rules: [{id: cards, detect: {detector: pii}, action: redact, tags: {owasp: ['LLM99:2025']}}]\n",
    ),
    Code.REPEATED_TEST: About(
        "two tests have one name",
        "A report would not say which of them failed.",
        "Give each test its own name.",
        "tests:\n  - {name: passes, output: a, expect: {output: a}}\n"
        "  - {name: passes, output: b, expect: {output: b}}\n",
    ),
    Code.UNKNOWN_RULE: About(
        "a test names a rule that the policy has not",
        "The test could never pass.",
        "Take the rule that is suggested.",
        "tests: [{name: a card, output: '4111 1111 1111 1111', expect: {violations: [card]}}]\n",
    ),
    Code.UNKNOWN_FAKE: About(
        "there is no such fake",
        "`{{fake:KIND}}` makes what looks like a token, so that none stands in the file.",
        "Take the kind that is suggested.",
        "tests: [{name: a token, output: '{{fake:github}}', expect: {leaked: 0}}]\n",
    ),
    Code.CANNOT_FAIL: About(
        "a test that expects nothing",
        "It would pass whatever the policy does.",
        "State at least `output` or `violations`.",
        "tests: [{name: a card, output: hello, expect: {}}]\n",
    ),
    Code.NOT_ONE_TEXT: About(
        "a test without a text, or with several",
        "A test is about one text.",
        "State exactly one of `output`, `input` and `chunks`.",
        "tests: [{name: a card, output: hello, input: hello, expect: {leaked: 0}}]\n",
    ),
    Code.UNKNOWN_POLICY: About(
        "a test of a policy that is not there",
        "A file of tests speaks of the policies beside it, or of those in its `policies`.",
        "Take the policy that is suggested, or name its file in `policies`.",
        "",
    ),
    Code.TEST_FAILED: About(
        "a test that failed",
        "What came of its text is not what it expects: the policy does something else than its authors agreed on.",
        "Mend the rule, or change the test where what came is right; `tidegate policy explain` says why it came.",
        "",
    ),
    Code.SHADOWED_POLICY: About(
        "a policy that no stream takes by itself",
        "Another policy is tried first, and takes every stream that this one would: only streams that name it have it.",
        "Give it a lower `metadata.order`, a narrower `match` to the other one, or both.",
        'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: everything, version: "1", order: 1}\n'
        "rules: [{id: cards, detect: {detector: pii, labels: [CREDIT_CARD]}, action: redact}]\n---\n"
        'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: shop, version: "1"}\n'
        "match: {labels: {app: shop}}\n"
        "rules: [{id: cards, detect: {detector: pii, labels: [CREDIT_CARD]}, action: redact}]\n",
    ),
    Code.CANNOT_FIRE: About(
        "a rule, or a label of it, that never fires",
        "Its least score is above every score that the detector gives.",
        "Lower the threshold: the message says how far.",
        "rules: [{id: abuse, detect: {detector: toxicity, labels: {insult: 1.0}}, action: annotate}]\n",
    ),
    Code.UNREAD_PART: About(
        "a part that the policy's streams never carry",
        "An answer carries the model's words alone, so a rule of a policy for outputs reads nobody else's.",
        "Remove the part, or add `input` to `match.directions`.",
        "match: {directions: [output]}\n"
        "rules: [{id: cards, detect: {detector: pii, labels: [CREDIT_CARD], parts: [model, user]}, action: redact}]\n",
    ),
    Code.DOMINATED_RULE: About(
        "a rule that an earlier one leaves nothing to do",
        "The earlier rule reads the same texts for the same labels, from the same scores on, and does as much or more.",
        "Remove the rule, or change what one of the two reads, finds or does.",
        "rules:\n  - {id: all, detect: {detector: pii}, action: block}\n"
        "  - {id: cards, detect: {detector: pii, labels: [CREDIT_CARD]}, action: redact}\n",
    ),
    Code.TWICE_THE_SAME: About(
        "the same thing is said twice",
        "Two rules, patterns, keywords or tests with the same content: every finding is reported twice, or never by the"
        " second.",
        "Remove one of the two.",
        "rules: [{id: codes, detect: {detector: patterns, keywords: {CODENAME: [Kraken, kraken]}}, action: redact}]\n",
    ),
    Code.SENSELESS_THRESHOLD: About(
        "a threshold that the model's card calls senseless",
        "The model was measured there: more than a fifth of innocent texts is taken for findings, or less than a fifth"
        " of what is looked for is found.",
        "Begin with what the card recommends, and change it by what `tidegate policy show` expects of a threshold.",
        "rules:\n  - id: attacks\n    detect: {detector: injection, labels: {indirect_injection: 0.995}}\n"
        "    action: annotate\n",
    ),
    Code.LOST_BACKSLASH: About(
        "a regex whose backslash YAML has read",
        "In double quotes `\\b` is a backspace character and `\\t` a tab before the regex is read.",
        "Write the regex in single quotes: '\\bword\\b'.",
        "rules: [{id: codes, detect: {detector: patterns,"
        ' patterns: [{label: CODE, regex: "\\bORD"}]}, action: redact}]\n',
    ),
    Code.MATCHES_NOTHING: About(
        "a regex that matches nothing",
        "No text can fulfil it: an end before further characters, or a word boundary inside a word.",
        "Write what is to be found; `tests:` with a text that must be found shows it.",
        "rules: [{id: codes, detect: {detector: patterns, patterns: [{label: CODE, regex: 'ORD$\\d+'}]},"
        " action: redact}]\n",
    ),
    Code.OTHER_DIRECTION: About(
        "a test of a direction that the policy does not take",
        "It says how the policy treats text that it never gets.",
        "Write `output` in place of `input` (or the other way round), or change `match.directions`.",
        "match: {directions: [output]}\n"
        "tests: [{name: a card, input: '4111 1111 1111 1111', expect: {violations: [cards]}}]\n",
    ),
    Code.UNTESTED_RULE: About(
        "a rule without a test",
        "No test says that the rule is violated: nobody would notice when it stops working.",
        "Add a test whose `expect` names the rule.",
        "rules: [{id: cards, detect: {detector: pii, labels: [CREDIT_CARD]}, action: redact}]\n",
    ),
    Code.BLOCKS_WITHOUT_MESSAGE: About(
        "a rule that blocks without a message",
        "People read a default text that does not say what they can do.",
        "Write `action: {block: {message: ...}}`.",
        "rules: [{id: cards, detect: {detector: pii, labels: [CREDIT_CARD]}, action: block}]\n",
    ),
    Code.NOTICE_OF_NOTHING: About(
        "a notice of redactions, and no rule redacts",
        "Nobody would ever be told anything.",
        "Remove `stream.notice`, or let a rule redact.",
        "stream: {notice: paragraph}\nrules: [{id: cards, detect: {detector: pii}, action: annotate}]\n",
    ),
    Code.EXCEPTION_ENDS: About(
        "an exception that has ended, or ends within 30 days",
        "From the day after on what it excepted is a violation again.",
        "Remove it, or ask its owner to approve it anew and write the new day.",
        "rules:\n  - id: mail\n    detect: {detector: pii, labels: [EMAIL_ADDRESS]}\n    action: redact\n    except:\n"
        "      - {value: info@example.com, reason: public, owner: web team, expires: 2020-12-31}\n",
    ),
    Code.SENSELESS_BAND: About(
        "a judge that is asked about nothing, or about everything",
        "Nobody is asked about a band of scores that no finding reaches, or that is one score; one that begins at 0"
        " sends each text to the judge in which the model sees anything at all.",
        "Let the band hold the scores at which the detector is often wrong, around the threshold.",
        "rules:\n  - id: rude\n    detect: {detector: toxicity, labels: {insult: 0.7}}\n"
        "    judge: {name: guard, between: [0, 0.9]}\n    action: annotate\n",
    ),
}
"""What there is to know of each code."""
