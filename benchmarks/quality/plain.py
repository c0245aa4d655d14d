"""A thousand texts of code, logs and tables that hold no personal data: whatever `pii` finds in them is a false alarm.

Code is that of functions of the standard library, without comments and docstrings; log lines and tables are made from a
seed, of the shapes that services, compilers, databases and scientists print: ids, versions, sizes, hashes, prices,
coordinates. Dates, times and addresses are left out, in which `pii` would be right, and so is what anybody would take
for one (`17:37`, `11.1.10`). Nothing of it was trained on.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

NAME = "code_logs_tables"
COUNT, SEED = 1000, 29
SOURCE = "synthetic_negative"
"""A source of which all labels count as annotated."""

_MODULES = (
    *("argparse", "ast", "base64", "bisect", "calendar", "cmd", "codecs", "collections", "configparser", "contextlib"),
    *("copy", "csv", "dataclasses", "difflib", "enum", "fileinput", "filecmp", "fnmatch", "fractions", "functools"),
    *("gettext", "glob", "graphlib", "gzip", "heapq", "html.parser", "http.cookies", "inspect", "json.decoder"),
    *("json.encoder", "linecache", "mailbox", "mimetypes", "numbers", "optparse", "pathlib", "pickle", "pprint"),
    *("profile", "pstats", "queue", "random", "sched", "selectors", "shelve", "shlex", "shutil", "statistics"),
    *("string", "tarfile", "tempfile", "textwrap", "threading", "timeit", "tokenize", "trace", "traceback", "types"),
    *("unittest.case", "urllib.parse", "warnings", "weakref", "xml.dom.minidom", "zipfile"),
)
_SHORTEST, _LONGEST = 120, 900
"""Characters of a function that is taken."""


def rows() -> list[Mapping[str, Any]]:
    """The rows, of the three kinds in turn; the same ones each time."""
    rng = random.Random(SEED)
    functions = list(_functions())
    rng.shuffle(functions)
    makers: list[Callable[[random.Random], str]] = [lambda _: functions.pop(), _log, _table]
    texts = [makers[number % len(makers)](rng) for number in range(COUNT)]
    return [{"text": text, "entities": [], "source": SOURCE} for text in texts]


# ---------------------------------------------------------------- code


def _functions() -> Iterator[str]:
    for name in _MODULES:
        tree = ast.parse(inspect.getsource(importlib.import_module(name)))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                written = ast.unparse(_undocumented(node))
                if _SHORTEST <= len(written) <= _LONGEST:
                    yield written


def _undocumented(function: ast.FunctionDef) -> ast.FunctionDef:
    for node in ast.walk(function):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return function


# ---------------------------------------------------------------- logs

_LINES = (
    "[<f5>] usb <n1>-<n1>: reset, id <h4>:<h4>",
    "level=info svc=<service> <thing>=<n9> took=<n4>ms",
    "<service>[<n5>]: <thing> <h12> <verb>",
    "ERROR 0x<h16> in <thing>.c:<n4>: code -<n2>",
    "epoch <n2>/100 loss <f0> acc <f0> lr <f0>e-5",
    "GET /v2/<thing>/<n10>?page=<n2> HTTP/1.1 <n3>",
    "commit <h40> merge pull request #<n5>",
    "trace=<h32> span=<h16> request=<h8>-<h4>-<h4>-<h4>-<h12> bytes=<n8>",
    "Setting up lib<thing><n1>:amd64 (<version>-<n1>ubuntu<n1>)",
    "gc <n3> @<f2>s <n1>%: <f0>+<f0> ms clock, <n2>-><n2>-><n2> MB",
    "  at org.demo.<thing>.Runner.call(Runner.java:<n3>) [<error>]",
    "-rw-r--r-- 1 root root <n9> <h8>.gz",
    '<thing>_total{le="<f0>",code="<n3>"} <n12>',
    "warning: unused variable `<thing>_<n2>` --> src/<thing>.rs:<n3>",
    "INSERT 0 <n4> LSN <h2>/<h8> xid <n10>",
    "Downloading <thing>-<version>-cp311-cp311-manylinux_2_17_x86_64.whl (<f1> MB)",
    "sha256:<h64> layer <n2> pulled in <f1>s",
    "frame=<n6> fps=<f2> size=<n7>kB bitrate=<f3>kbits/s",
    "cpu<n2> <n9> <n9> <n8> <n9> <n9> <n7> <n8>",
    "offset=<n12> lag=<n6> part=<n2> key=<h8> <verb>",
)
"""In brackets: a number below a power of ten, hexadecimal digits, a fraction below a power of ten, or a word."""
_WORDS: Mapping[str, tuple[str, ...]] = {
    "service": ("billing-api", "ingest", "auth-gateway", "scheduler", "kube-proxy", "postgres", "nginx", "etcd"),
    "thing": ("batch", "shard", "segment", "partition", "snapshot", "lease", "index", "job", "chunk", "queue"),
    "verb": ("started", "finished", "retried", "skipped", "flushed", "evicted", "committed", "rejected"),
    "error": ("TimeoutError", "ConnectionResetError", "KeyError", "NullPointerException", "EOFError"),
}
_BLANK = re.compile(r"<([a-z]+)(\d*)>")


def _log(rng: random.Random) -> str:
    line = rng.choice(_LINES)
    return "\n".join(_BLANK.sub(lambda blank: _filled(rng, *blank.groups()), line) for _ in range(rng.randrange(2, 9)))


def _filled(rng: random.Random, what: str, size: str) -> str:
    if what == "n":
        return str(rng.randrange(10 ** int(size)))
    if what == "h":
        return _hex(rng, int(size))
    if what == "f":
        return f"{rng.uniform(0, 10 ** int(size)):.4f}"
    return _version(rng) if what == "version" else rng.choice(_WORDS[what])


def _hex(rng: random.Random, digits: int) -> str:
    return f"{rng.randrange(16**digits):0{digits}x}"


def _version(rng: random.Random) -> str:
    """With a second number that is neither a day nor a month."""
    return ".".join(str(rng.randrange(*each)) for each in ((10,), (32, 99), (30,), (20,))[: rng.choice((2, 3, 3, 4))])


# ---------------------------------------------------------------- tables

_COLUMNS: Mapping[str, Callable[[random.Random], str]] = {
    "id": lambda r: str(r.randrange(10**4, 10**10)),
    "sku": lambda r: f"{r.choice('ABCDEFGH')}{r.choice('KLMNPQ')}-{r.randrange(10**5):05}",
    "count": lambda r: str(r.randrange(10**6)),
    "code": lambda r: f"{r.randrange(10**4):04}",
    "mean": lambda r: f"{r.uniform(-4, 4):.4f}",
    "price": lambda r: f"{r.uniform(1, 2000):.2f}",
    "bytes": lambda r: str(r.randrange(10**12)),
    "share": lambda r: f"{r.uniform(0, 100):.1f}%",
    "p": lambda r: f"{r.random():.2e}",
    "crc": lambda r: _hex(r, 8),
    "ratio": lambda r: f"{r.randrange(25, 99)}:{r.randrange(1, 99)}",
    "version": _version,
    "x": lambda r: f"{r.uniform(-1e4, 1e4):.3f}",
    "rank": lambda r: str(r.randrange(1, 999)),
    "status": lambda r: r.choice(("ok", "late", "failed", "open", "closed", "n/a")),
}
_SEPARATORS = (" ", "\t", ",", "  ", " | ", ";", ", ")


def _table(rng: random.Random) -> str:
    names = rng.sample(sorted(_COLUMNS), rng.randrange(2, 7))
    if rng.random() < 0.3:
        names = [rng.choice(("code", "count", "id", "mean", "x"))] * rng.randrange(3, 8)
    separator = rng.choice(_SEPARATORS)
    lines = [separator.join(_COLUMNS[name](rng) for name in names) for _ in range(rng.randrange(3, 16))]
    return "\n".join([separator.join(names), *lines] if rng.random() < 0.6 else lines)
