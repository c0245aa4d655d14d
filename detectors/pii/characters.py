"""The characters that decide where personal data can begin and end. Strings for inside `[...]`, but for the edges."""

from __future__ import annotations

import re

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3001-\u30fb\u30fd-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Scripts written without spaces, or with endings stuck to foreign words (Thai to Burmese, Hangul, kana, Han), and
their punctuation. To Python they are word characters, so that `\\b` sees no boundary between `电话` and a number."""

WORD = rf"[^\W{UNSPACED}]"
"""A letter, digit or underscore, of a script that puts spaces between words (a whole class, with brackets)."""

ALNUM = rf"[^\W_{UNSPACED}]"
"""The same without the underscore."""

STARTS = rf"(?<!{WORD})"
ENDS = rf"(?!{WORD})"
"""What `\\b` stands for at the beginning and at the end of a pattern."""

STOP = r"\s\"<>()\[\]{}|,;" + "“”„«»‘’（）［］｛｝｜，；：！？。、" + UNSPACED
"""What is in no finding, but for the `GLUE` between the groups of a number, and `,` and `;` inside a URL."""

GLUE = " \u00a0\u3000()（）［］" + r"\[\]"
"""Stop characters that may stand between the groups of one number."""

JOINERS = r"\-x\u2010-\u2015\u2212\u30fc\uff0d-\uff0f \u00a0\u00ad\u200b\u2060\u3000()（）［］.\[\]/~\u2053\u223c\uff5e"
"""What phonenumbers takes for punctuation inside a number (at most four in a row)."""

PLUS = "+＋"

BLANKS = " \u00a0\t,"
EXTENSION = (
    rf"[{BLANKS}]{{0,8}}(?:;ext=|"
    rf"(?:e?xt(?:ensi(?:o\u0301?|ó))?n?|ｅ?ｘｔｎ?|доб|anexo|[xｘ#＃~～]|int|ｉｎｔ)[:.．]?[{BLANKS}-]{{0,8}})\d"
)
"""What phonenumbers takes for the extension behind a number, up to its first digit (a pattern; ignore case)."""

PLAIN_WORDS = re.compile(r"(?:[^\W\d_]{1,24}[ ,;\n]+){0,3}[^\W\d_]{0,24}[ \n\t.,;!?\u2026)\"'\]*]+")
"""Up to four words and a mark or blank that ends the last one: an address could go on behind it, but no text does."""
