r"""What is open where a text of Markdown ends, and what closes it, so that what is said next is a paragraph of its own.

Two line ends set a paragraph off from text, a table, a list and a quotation, which end there by themselves. Other
things go on over them, or stay open in the page: they are closed first.

* inline markup: code, links, images, emphasis (see `inline`);
* a fence, with its character, length and what stands before it on its line (a quotation's marks, a list's indent);
* display mathematics, `$$` and `\\[`;
* HTML: comments and raw blocks, which end with their own words, and elements that a page would go on with (`<details>`,
  `<think>`, `<b>`).

`Surroundings` reads a text once, in any pieces, line by line, and keeps a paragraph, the elements that are open and a
few words. It knows as much of lists as is needed to tell a fence from indented code, and of blocks of HTML that no
fence begins in one. Not known: raw HTML in a code span that goes over a line's end, elements that are no HTML, and what
a renderer adds beyond CommonMark, GFM and mathematics.
"""

from __future__ import annotations

import copy
import re

from sidecar.wording import inline

MOST_OPEN = 32
"""How many elements are remembered; what is opened beyond them is not closed."""
MOST_LINE_CHARS = 4096
"""Of a line that is longer, what stands behind is not read. In a longer paragraph, no inline markup is closed."""

_FENCE = re.compile(r"(?P<fence>`{3,}(?=[^`]*$)|~{3,})")
_CONTAINER = re.compile(r"[ ]{0,3}>[ ]?|[ ]{0,3}(?:[-+*]|\d{1,9}[.)])(?:[ ]{1,4}(?=\S)|[ ]|$)")
_RAW_ENDS = {"<!--": "-->", "<?": "?>", "<![CDATA[": "]]>", "<!": ">"}
_RAW = re.compile(r"<(?P<name>pre|script|style|textarea)(?=[\s>]|$)", re.IGNORECASE)
_CODE = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")
_MATH = re.compile(r"\$\$|\\\[")
_TAG = re.compile(r"""<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9-]*)(?=[\s/>])(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_CUT_TAG = re.compile(r"""\s*<(?P<name>[A-Za-z][A-Za-z0-9-]*)(?:[^<>"']|"[^"]*"|'[^']*')*(?P<quote>["'])?[^<>"']*""")
_HTML_BLOCK = re.compile(
    r" {0,3}</?(?:address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir"
    r"|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link"
    r"|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title"
    r"|tr|track|ul)(?:[\s>]|/>|$)",
    re.IGNORECASE,
)
"""What begins a block of HTML also where a paragraph goes on. Any tag that is alone on its line does elsewhere."""
_OWN_LINE = ("#", "|")
"""What begins a heading and a table's row: nothing in them goes on in the next line."""
_INDENT = "    "
"""Of code, where no paragraph goes on."""
_INLINE = frozenset(
    "a abbr b big bdo cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup u".split()
)
_ELEMENTS = _INLINE | frozenset(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure"
    " footer form h1 h2 h3 h4 h5 h6 header html iframe label legend li main menu nav ol optgroup option p picture"
    " section select summary table tbody td tfoot th thead tr ul video audio button canvas svg math object"
    " think thinking thought reasoning reflection analysis".split()
)


def _is_indented(line: str) -> bool:
    return line.expandtabs(len(_INDENT)).startswith(_INDENT)


class Surroundings:
    """See the module's text."""

    __slots__ = (
        "_elements",
        "_fence",
        "_html_prefix",
        "_line",
        "_list_indent",
        "_math",
        "_newlines",
        "_paragraph",
        "_prefix",
        "_raw_end",
        "is_empty",
    )

    def __init__(self) -> None:
        self.is_empty = True
        """Whether nothing that shows was read."""
        self._line = ""
        self._newlines = 0
        """How many line ends the text ends with."""
        self._fence = ""
        self._prefix = ""
        """What stands before the fence, or the raw block, on its line, as the lines of its container begin."""
        self._math = ""
        """What ends the mathematics."""
        self._raw_end = ""
        self._html_prefix: str | None = None
        """What stands before a block of HTML, which goes on to a blank line: no fence begins there. None: no block."""
        self._elements: list[str] = []
        self._list_indent = 0
        self._paragraph = ""
        """The lines of the paragraph (the heading, the cells of a row) that a line may go on with."""

    def feed(self, text: str) -> None:
        """Read more of the text."""
        if not text:
            return
        self.is_empty = self.is_empty and not text.strip()
        tail = len(text) - len(text.rstrip("\n"))
        self._newlines = tail if tail < len(text) else self._newlines + tail
        *lines, last = text.replace("\r", "").split("\n")
        for line in lines:
            self._read(self._line + line)
            self._line = ""
        self._line = (self._line + last)[:MOST_LINE_CHARS]

    def closing(self) -> str:
        """What closes what is open and sets off a paragraph; where nothing was said, no more than an indent's end.

        The text may go on.
        """
        if self.is_empty:
            return "\n" if _is_indented(self._line) else ""  # no code, however it began
        went_on = copy.copy(self)
        went_on._elements = [*self._elements]
        return went_on._closed() or "\n" * max(0, 2 - self._newlines)

    def _closed(self) -> str:
        """What closes what is open; empty when line ends do. What was read is over then."""
        ends = self._end_line()
        while self._elements and self._elements[-1] in _INLINE:
            ends += f"</{self._elements.pop()}>"
        lines = [f"{self._prefix}{self._fence}"] if self._fence else []
        lines += [self._math] if self._math else []
        lines += [f"{self._prefix}{self._raw_end}"] if self._raw_end else []
        lines += ["", *(f"</{name}>" for name in reversed(self._elements))] if self._elements else []
        if not lines:
            return f"{ends}\n\n" if ends else ""
        first = "" if self._newlines and not ends else "\n"
        return f"{ends}{first}{chr(10).join(lines)}\n\n"

    def _end_line(self) -> str:
        """Read the last line, and what closes the inline markup that is open there."""
        is_element = (tag := _CUT_TAG.fullmatch(self._line)) is not None and tag["name"].lower() in _ELEMENTS
        end = f"{tag['quote'] or ''}>" if is_element and tag is not None else ""  # a line that it begins is no text
        if self._line.strip():
            self._read(self._line + end)
        if end or self._fence or self._math or self._raw_end or len(self._paragraph) > MOST_LINE_CHARS:
            return end
        is_new_line = bool(self._paragraph) and not self._line.strip()
        return inline.closing(self._paragraph + "\n" * is_new_line)

    # -- lines ----------------------------------------------------------------------------------------------------

    def _read(self, line: str) -> None:
        line = line[:MOST_LINE_CHARS]
        if self._fence and not self._has_left(line):
            rest = line[len(self._prefix) :] if line.startswith(self._prefix) else line.lstrip(" >")
            if re.fullmatch(rf" {{0,3}}{re.escape(self._fence[0])}{{{len(self._fence)},}}[ \t]*", rest):
                self._fence = self._prefix = ""
            return
        if self._raw_end and not self._has_left(line):
            if self._raw_end.lower() in line.lower():
                self._raw_end = ""
            return
        self._fence = self._raw_end = self._prefix = ""
        prefix, rest = self._contained(line)
        begins = not rest.strip() or not line.startswith(prefix)
        is_in_html = self._html_prefix == prefix and not begins
        self._html_prefix = prefix if is_in_html or self._is_html_begun(rest, begins=begins) else None
        self._take_line(rest, begins=begins)
        if self._begin_block(prefix, rest):  # also where mathematics was begun: it was none
            self._math = self._paragraph = ""
        elif self._math:
            self._end_math(rest)
        else:
            self._read_inline(rest)

    def _is_html_begun(self, text: str, *, begins: bool) -> bool:
        """Whether a line begins a block of HTML that goes on to a blank line."""
        if _HTML_BLOCK.match(text) is not None:
            return True
        is_apart = begins or not self._paragraph or self._paragraph.startswith(_OWN_LINE[0])
        return is_apart and not _is_indented(text) and _TAG.fullmatch(text.strip()) is not None

    def _take_line(self, text: str, *, begins: bool) -> None:
        """Take a line as the paragraph's next one, or as one that begins another."""
        is_alone = text.startswith(_OWN_LINE) or self._paragraph.startswith(_OWN_LINE)
        if begins or is_alone or not self._paragraph:
            self._paragraph = "" if _is_indented(text) else text
        elif len(self._paragraph) <= MOST_LINE_CHARS:
            self._paragraph += f"\n{text}"

    def _has_left(self, line: str) -> bool:
        """Whether a line stands outside the container of the fence or the raw block, which so has ended."""
        marks = self._prefix.count(">")
        if marks:
            return re.match(rf"(?:[ ]{{0,3}}>[ ]?){{{marks}}}", line) is None
        indent = len(line) - len(line.lstrip(" "))
        return bool(line.strip()) and bool(self._list_indent) and indent < self._list_indent

    def _contained(self, line: str) -> tuple[str, str]:
        """What a line's containers take of it, as their next line would begin, and the rest."""
        indent = len(line) - len(line.lstrip(" "))
        is_blank = not line.strip()
        place = self._list_indent if is_blank or indent >= self._list_indent else 0
        if not is_blank:
            self._list_indent = place
        prefix = line[:place]
        while (found := _CONTAINER.match(line, place)) is not None and found.end() > place:
            is_quote = ">" in found.group()
            prefix += found.group() if is_quote else " " * (found.end() - place)
            place = found.end()
            if not is_quote:
                self._list_indent = place if ">" not in prefix else 0
        return prefix, line[place:]

    def _begin_block(self, prefix: str, rest: str) -> bool:
        """Begin a fence or a raw block of HTML, if a line does."""
        text = rest.lstrip(" ")
        if len(rest) - len(text) > 3:
            return False
        self._prefix = prefix + rest[: len(rest) - len(text)]
        if self._html_prefix is None and (fence := _FENCE.match(text)) is not None:
            self._fence = fence["fence"]
            return True
        for begin, end in _RAW_ENDS.items():
            if text.startswith(begin) and (begin != "<!" or text[2:3].isalpha()):
                self._raw_end = "" if end in text else end
                return True
        if (raw := _RAW.match(text)) is not None:
            end = f"</{raw['name'].lower()}>"
            self._raw_end = "" if end in text.lower() else end
            return True
        return False

    def _read_inline(self, text: str) -> None:
        """Read what a line opens and closes: mathematics, and elements of HTML; not what stands in code."""
        text = _CODE.sub("", text)
        if "<" in text:
            for tag in _TAG.finditer(text):
                self._take(tag["name"].lower(), is_end=bool(tag["end"]), is_whole=tag.group().endswith("/>"))
        if (math := _MATH.search(text)) is not None:
            self._math = "$$" if math.group() == "$$" else "\\]"
            self._end_math(text[math.end() :])

    def _end_math(self, text: str) -> None:
        _, end, rest = text.partition(self._math)
        if end:
            self._math = ""
            self._read_inline(rest)

    def _take(self, name: str, *, is_end: bool, is_whole: bool) -> None:
        if name not in _ELEMENTS or is_whole:
            return
        if not is_end:
            if len(self._elements) < MOST_OPEN:
                self._elements.append(name)
        elif name in self._elements:
            while self._elements.pop() != name:
                pass
