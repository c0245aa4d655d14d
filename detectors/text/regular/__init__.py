r"""Regular expressions on a text that is still arriving: what matches, and what may still become a match.

For detectors that find spans by patterns. A whole-text search says too little in a stream: `4111 11` at the end is no
card number yet, and may be one after the next chunk. Python `re` patterns go in; what comes out works in linear time on
RE2.

1. `RegularScanner(name, rules)`: the ready pattern scanner. For each `Rule(label, regex, score, ...)` its findings over
   a lane are exactly the non-overlapping leftmost matches over the whole text (`re.finditer`), however the text was
   cut.
2. `Watch(trees)`: the two machines that a scanner of its own kind needs (`detectors.pii` runs Presidio's recognizers
   behind one). `trees` come from `parse(regex, flags)`; patterns with look-arounds and back-references are welcome
   here.

       watch = Watch([parse(r"(?<!\d)\d{4}-\d{4}\b"), ...])
       data = watch.encode(text)              # bytes, one for each code point: offsets are the same
       hold = watch.hold(data, begin)         # what may still arrive begins here: matches before are decided
       for index in watch.matching(data, begin, hold):
           ...                                # trees that may match, beginning in [begin, hold): never one too few

   `text` must hold `watch.look_behind` characters left of `begin` (all there are, at the beginning of a lane), and
   nothing left of that matters. At most `watch.reach` characters stay undecided: the widest match, its look-aheads
   included, with unbounded repeats counted as `max_repeat_chars` each. A longer match is not waited for. At the end of
   a lane there is no hold: use `len(data)`.
3. `Finder(tree)`: all matches of one regular tree in linear time, beginning anywhere in a text.
4. `parse`, `keywords` make trees; `bounded`, `extent`, `look_behind` measure them; `wide`, `prefixes`, `exact`
   turn them into RE2 patterns (`detectors.text.regular.render` has the constructions).

Unbounded repeats are bounded (`x+` is `x{1,128}`), so that a text cannot be held without end: a match is at most
`MAX_WIDTH` characters long. `^` and `$` without `(?m)` are the beginning and the very end of the lane. `\d \w \s \b`
and `(?i)` mean what they mean to `re`, for all of Unicode.
"""

from detectors.text.regular.machine import MAX_WIDTH, Finder, Watch
from detectors.text.regular.possible import can_match
from detectors.text.regular.render import bounded, exact, extent, look_behind, prefixes, wide
from detectors.text.regular.scanner import RegularScan, RegularScanner, Rule
from detectors.text.regular.tree import Node, NotRegular, group_numbers, literal, parse
from detectors.text.regular.words import asks_for_boundary, keywords

__all__ = [
    "MAX_WIDTH",
    "Finder",
    "Node",
    "NotRegular",
    "RegularScan",
    "RegularScanner",
    "Rule",
    "Watch",
    "asks_for_boundary",
    "bounded",
    "can_match",
    "exact",
    "extent",
    "group_numbers",
    "keywords",
    "literal",
    "look_behind",
    "parse",
    "prefixes",
    "wide",
]
