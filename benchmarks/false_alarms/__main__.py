"""Findings of `pii` and `secrets` in an installed environment's files, in a history, in lists and in made-up logs.

    python -m benchmarks.false_alarms [--files FOLDER ...] [--most N] [--show N]

The texts are what is on the machine: the Python sources and other text files of the folders (by default the running
interpreter's standard library and site-packages), this repository's `git log` and its latest diffs, the list of
installed packages, and logs and tables made from a seed. What an author or an example wrote there on purpose (an
address of mail of theirs, a host's address in a test) is a finding all the same; so the table says how many are of
which kind, and `--show` prints some of them to the terminal, for a person to judge. None of the texts is written
anywhere.

Findings count from the recommended thresholds on. The labels of addresses that are meant to be read (`EMAIL_ADDRESS`,
`URL`) are counted apart.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import sysconfig
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.results import table, write
from detectors.base import PatternScanner
from detectors.pii.detector import Pii, PiiParams
from detectors.secrets.detector import Secrets, SecretsParams

PUBLIC = frozenset(("EMAIL_ADDRESS", "URL"))
"""What authors put into their files to be read."""
LOCKS = frozenset(("json", "lock", "toml", "yaml", "yml", "cfg", "ini"))
TEXTS = frozenset(("md", "rst", "txt", "html", "js", "ts", "c", "h", "sh", "csv", "pyi"))
MOST_CHARS = 200_000


@dataclass
class Count:
    """What was found in one kind of texts."""

    texts: int = 0
    chars: int = 0
    seconds: float = 0.0
    found: Counter[str] = field(default_factory=Counter)
    flagged: int = 0
    shown: list[str] = field(default_factory=list)


def main() -> int:
    """Run, print the table and write the results."""
    arguments = _arguments()
    scanners, counts = _scanners(), defaultdict[str, Count](Count)
    for kind, name, text in _texts(arguments.files, arguments.most):
        for detector, (scanner, thresholds) in scanners.items():
            _count(counts[f"{detector}: {kind}"], scanner, thresholds, name, text)
    for each in counts.values():
        for line in each.shown[: arguments.show]:
            print(line)
    report = {kind: _figures(each) for kind, each in counts.items()}
    rows = [
        [kind, *(each[name] for name in ("texts", "megabytes", "flagged", "public"))] for kind, each in report.items()
    ]
    head = ["detector: texts", "texts", "MB", "texts with a finding", "addresses of mail and pages beside"]
    kinds = [f"{kind}: {each['found']}" for kind, each in report.items() if each["found"]]
    text = "\n".join((table(head, rows), "", "Findings by label:", "", *(f"- {each}" for each in kinds)))
    print(text)
    if not arguments.dry:
        print(write("false_alarms", report, text))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.false_alarms",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    paths = sysconfig.get_paths()
    default = [Path(paths["stdlib"]), Path(paths["purelib"])]
    parser.add_argument("--files", type=Path, nargs="*", default=default, help="folders whose text files are read")
    parser.add_argument("--most", type=int, default=12_000, help="at most so many files of each kind")
    parser.add_argument("--show", type=int, default=0, help="print so many findings of each kind to the terminal")
    parser.add_argument("--dry", action="store_true", help="write no result files")
    return parser.parse_args()


def _scanners() -> Mapping[str, tuple[PatternScanner, Mapping[str, float]]]:
    pii, secrets = PiiParams(), SecretsParams()
    return {
        "pii": (Pii.parts(pii)[0].build(), Pii.labels_of(pii)),  # type: ignore[dict-item]  # its first part is a scanner
        "secrets": (Secrets.build(secrets), Secrets.labels_of(secrets)),
    }


def _count(count: Count, scanner: PatternScanner, thresholds: Mapping[str, float], name: str, text: str) -> None:
    begun = time.process_time()
    found = scanner.start().advance(text, 0, is_final=True)
    count.seconds += time.process_time() - begun
    count.texts += 1
    count.chars += len(text)
    counted = [each for each in found if each.score >= thresholds[each.label]]
    count.found.update(each.label for each in counted)
    private = [each for each in counted if each.label not in PUBLIC]
    count.flagged += bool(private)
    for each in private:
        around = text[max(0, each.start - 48) : each.start], text[each.start : each.end], text[each.end : each.end + 24]
        count.shown.append(f"{each.label} {each.score:.2f} {name}: {around!r}")


def _figures(count: Count) -> dict[str, object]:
    private = {label: number for label, number in count.found.most_common() if label not in PUBLIC}
    return {
        "texts": count.texts,
        "megabytes": round(count.chars / 1e6, 1),
        "flagged": count.flagged,
        "public": sum(count.found[label] for label in PUBLIC),
        "found": private,
        "microseconds_a_character": round(count.seconds / max(1, count.chars) * 1e6, 3),
    }


# ---------------------------------------------------------------- the texts


def _texts(folders: Iterable[Path], most: int) -> Iterator[tuple[str, str, str]]:
    """Kind, name and text of each."""
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    for kind, endings in (("Python files", {"py"}), ("lock and settings files", LOCKS), ("other text files", TEXTS)):
        own = [path for path in files if path.suffix.lstrip(".").lower() in endings]
        for path in random.Random(7).sample(own, min(most, len(own))):
            yield kind, str(path), path.read_text(encoding="utf-8", errors="replace")[:MOST_CHARS]
    yield "histories and diffs", "git log", _output("git", "log", "--stat", "-n", "400")
    for number in range(60):
        yield "histories and diffs", f"diff {number}", _output("git", "show", f"HEAD~{number}")[:MOST_CHARS]
    yield "lists", "dpkg -l", _output("dpkg", "-l")
    yield "lists", "pip list", _output(sys.executable, "-m", "pip", "list")
    for number in range(200):
        source = random.Random(number)
        yield "logs", f"log {number}", "\n".join(_log_line(source) for _ in range(100))
        yield "tables", f"table {number}", _table(source)


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, errors="replace").stdout
    except FileNotFoundError:
        return ""


def _log_line(source: random.Random) -> str:
    number = source.randrange
    day, time_of_day = f"2024-{number(1, 13):02}-{number(1, 29):02}", f"{number(24):02}:{number(60):02}:{number(60):02}"
    version = f"{number(9)}.{number(99)}.{number(99)}.{number(99)}"
    return source.choice(
        (
            f"{day}T{time_of_day}.{number(10**6):06}Z INFO [{number(10**5)}] took {number(10**4)} ms",
            f"{day} {time_of_day} worker-{number(99)} job={number(10**12)} offset={number(10**9)} part={number(64)}",
            f"[{number(10**6)}.{number(10**6):06}] usb {number(9)}-{number(9)}: new device, id {number(10**9):09}",
            f"GET /api/v2/items/{number(10**10)}?page={number(99)}&size=50 HTTP/1.1 200 {number(10**6)}",
            f"ERROR 0x{number(2**32):08x} at 0x{number(2**47):012x}: {number(10**8)} bytes in {number(10**5)} blocks",
            f"epoch {number(99)}/100 loss {source.random():.4f} acc {source.random():.4f} lr {source.random():.2e}",
            f"commit {number(2**160):040x} Merge pull request #{number(10**5)} from a/{number(2**28):07x}",
            f"request_id={number(2**64):016x} trace={number(2**128):032x} user_agent=Mozilla/5.0 Chrome/120.0.0.0",
            f"upgraded libfoo{number(9)} {version} to {version}",
        )
    )


def _table(source: random.Random) -> str:
    makers: tuple[Callable[[], str], ...] = (
        lambda: str(source.randrange(10**8, 10**10)),
        lambda: f"{source.uniform(-4, 4):.4f}",
        lambda: f"{source.randrange(10**4):04}",
        lambda: str(source.randrange(10**6)),
        lambda: f"{source.uniform(0, 1000):.2f}",
    )
    make, separator = source.choice(makers), source.choice((" ", "\t", ",", "  ", " | ", ";"))
    return "\n".join(separator.join(make() for _ in range(source.randrange(3, 9))) for _ in range(60))


if __name__ == "__main__":
    sys.exit(main())
