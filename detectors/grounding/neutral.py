"""Which sentences claim nothing that a context could bear out.

Greetings, questions, offers and announcements; refusals; what a sentence says of the answer itself, or of what the
context leaves out; and guesses that their author marks as such, for no more is claimed than that it may be so. A
sentence that states a fact beside (a number, a date, a name, something behind "but") is not among them, unless all it
does is to say that the context lacks it.

Pure Python, made for English; in other languages a sentence without content is checked like any other.
"""

from __future__ import annotations

import re

from detectors.grounding.passages import STOP_WORDS, words
from detectors.grounding.stated import dates, names, numbers

_LETTERS = re.compile(r"[^\W\d_]")
_TALK = re.compile(
    r"""^\W*(?:
      (?:hi|hello|hey|dear|greetings|good\ (?:morning|afternoon|evening|day)|welcome)\b
    | (?:thanks|thank\ you|you'?re\ (?:very\ )?welcome|my\ pleasure|no\ problem|sorry|apologies|i\ apologi[sz]e)\b
    | (?:sure|certainly|of\ course|absolutely|great|okay|ok|yes|no|understood|got\ it|alright)\W*$
    | (?:sure|certainly|of\ course|absolutely|great\ question|okay|ok)\W+(?:here|i|let|happy|glad|i'?ll|i\ can)\b
    | (?:(?:please|just|do)\ )?(?:let\ me\ know|feel\ free|don'?t\ hesitate|reach\ out)\b
    | if\ you\b[^,]*,?\ (?:(?:please|just|do)\ )?(?:let\ me\ know|feel\ free|don'?t\ hesitate|ask|i'?m\ happy|i\ can)\b
    | (?:i|we)\ (?:hope|trust)\ (?:this|that|it|you)\b
    | (?:i|we)(?:'m|'d|'ll|\ am|\ would|\ will|\ can)?\ (?:be\ )?(?:happy|glad|here|like)\ to\b
    | (?:have|enjoy)\ (?:a|your)\b
    | is\ there\ anything\b
    | (?:here|below|following)\ (?:is|are|'s)\b[^.]*:?\W*$
    | (?:here'?s)\b[^.]*:?\W*$
    | (?:to|let'?s|let\ me)\ (?:summari[sz]e|start|begin|explain|recap|see|look)\b[^.]*\W*$
    | (?:in\ (?:summary|short|conclusion)|overall|note|sources?|references?)\W*$
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_SOURCE = r"""(?:context|documents?|passages?|sources?|information|texts?|articles?|excerpts?|materials?|snippets?
    |sections?|pages?|files?|transcripts?|records?|reports?|results?|search\ results?|references?)"""
_STATED = r"""(?:mention|state|specif(?:y|i)|provide|include|contain|cover|describe|discuss|address|give|list|indicate
    |note|disclose|explain|say|tell|answer|clarif(?:y|i)|detail|elaborate|offer|identif(?:y|i)|reveal|confirm)"""
_STATED_ED = r"""(?:mentioned|stated|specified|provided|included|covered|described|discussed|addressed|given|listed
    |indicated|noted|disclosed|explained|clarified|detailed|identified|available|clear|found|known|confirmed)"""
_HEDGE = re.compile(
    rf"""\b(?:
      (?:i|we)(?:'m|\ am|'re|\ are)\ (?:not\ (?:sure|certain|able)|unable|afraid|sorry)
    | (?:i|we)\ (?:do\ not|don'?t|cannot|can'?t|could\ not|couldn'?t|did\ not|didn'?t)\ (?:\w+\ )?
      (?:know|have|find|answer|tell|say|see|provide|help|confirm|determine|locate|verify)
    | (?:(?:the|this|these|those|your|my|any)\ )?(?:[\w-]+\ ){{0,3}}{_SOURCE}
      (?:\ (?:you\ (?:gave|provided|shared)|provided|given|above|available|at\ hand|here|i\ have|supplied|retrieved))?
      \ (?:do(?:es)?\ not|doesn'?t|don'?t|did\ not|didn'?t|never|fails?\ to|cannot|can'?t|do(?:es)?n[’']t)
      \ (?:\w+\ ){{0,2}}{_STATED}
    | (?:is|are|was|were)(?:\ not|n'?t|n[’']t|\ never)\ (?:\w+\ )?{_STATED_ED}
      (?=\W*$|\ (?:in|by|within|from|anywhere\ in|here|among)\ (?:(?:the|this|these|any\ of\ the|your)\ )?
        (?:[\w-]+\ ){{0,2}}{_SOURCE}\b|\ here\b|\ (?:whether|who|what|when|where|why|how)\b)
    | (?:there\ (?:is|are|was|were)\ )(?:no|not\ (?:enough|sufficient|any))\ (?:\w+\ ){{0,2}}
      (?:information|mention|details?|data|evidence|indication|reference|context|record|answer|specifics)
    | (?:no|insufficient|not\ enough)\ (?:\w+\ ){{0,2}}
      (?:information|mention|details?|data|evidence|indication|reference)\b
      [^.;,]*\b(?:is|are|was|were)\ (?:{_STATED_ED}|made|there)
    | (?:none|neither)\ of\ (?:(?:the|these|those|your)\ )?(?:[\w-]+\ ){{0,3}}{_SOURCE}\ (?:\w+ly\ )?{_STATED}(?:e?s)?
    | nothing\ (?:in|about)\ (?:[\w-]+\ ){{0,4}}{_SOURCE}
    | it\ is\ (?:unclear|unknown|not\ (?:clear|known|possible\ to\ (?:say|tell|determine)|stated|specified|mentioned))
    | it'?s\ (?:unclear|unknown|not\ (?:clear|known|stated|specified|mentioned))
    | (?:remains?|is|are)\ (?:unclear|unspecified|unstated)
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_GUESS = re.compile(
    r"""^\W*(?:
      (?:perhaps|maybe|possibly|presumably|conceivably|arguably)\b
    | it(?:'s|\ is|\ seems|\ appears)\ (?:also\ |quite\ |very\ )?
      (?:possible|likely|probable|conceivable|plausible)\ that\b
    | it\ (?:may|might|could)\ (?:well\ )?be\ (?:that|the\ case)\b
    | i\ (?:think|believe|guess|assume|suspect|suppose|would\ (?:guess|say|assume|think))\b
    | (?:one|you)\ (?:may|might|could)\ (?:argue|assume|guess|speculate|infer|say)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""What an author marks as a guess of his own: no more is claimed than that it may be so."""
_OPENER = re.compile(
    rf"""^\W*(?:
      (?:here|below|following)\ (?:is|are)\b | here'?s\b
    | (?:the|these)\ (?:following|main|key|most\ important|major)\b
    | (?:based\ on|according\ to|from|in|as\ per|given)\ (?:(?:the|this|these|your)\ )?(?:[\w-]+\ ){{0,3}}{_SOURCE}\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""How a list is announced: whatever it names, what is claimed comes behind the colon."""
_META = re.compile(
    rf"""^\W*(?:
      (?:this|the|my)\ (?:answer|summary|response|list|overview)\b[^.]*\b
        (?:based\ on|drawn\ from|taken\ from|limited\ to|relies\ on|uses)\b[^.]*
    | (?:see|refer\ to|consult|check)\ (?:(?:the|these)\ )?(?:[\w-]+\ ){{0,3}}{_SOURCE}\b[^.]*
    | (?:i|we)(?:'ll|\ will|'ve|\ have|\ can|\ could)?\ (?:now\ |only\ |just\ )?
        (?:summari[sz]e|break|list|go\ through|look|outline|explain|describe|walk|use|rely|compare|check)
        (?:d|ed)?\b[^.]*
    | (?:for|if\ you\ (?:want|need|would\ like))\ (?:more|further|additional)\ (?:details?|information|help)\b[^.]*
    | (?:first|next|now|finally|then),?\ (?:let'?s|let\ me|i'?ll|i\ will|we'?ll|we\ will)\b[^.]*
    )\W*$""",
    re.IGNORECASE | re.VERBOSE,
)
"""What a sentence says of the answer itself."""
_BUT = re.compile(r"\b(?:but|however|although|though|except)\b|;|:", re.IGNORECASE)
_SHORT_TALK_WORDS = 14
"""Talk that goes on for longer says something else too."""


def is_neutral(claim: str) -> bool:
    """Whether a sentence claims nothing that a context could bear out."""
    plain = claim.strip()
    every = [word for word, _, _ in words(plain)]
    if not _LETTERS.search(plain) or plain.rstrip("\"'”’)").endswith("?"):
        return True
    if all(word.lower() in STOP_WORDS for word in every):
        return True
    if plain.endswith(":") and (_OPENER.match(plain) or not _states_facts(plain)):
        return True
    if _TALK.match(plain):
        return len(every) <= _SHORT_TALK_WORDS and not _states_facts(plain)
    if _META.match(plain) or _GUESS.match(plain):
        return not _states_facts(plain)
    return bool(_HEDGE.search(plain)) and not _BUT.search(plain)


def _states_facts(text: str) -> bool:
    return bool(numbers(text) or dates(text) or names(text))
