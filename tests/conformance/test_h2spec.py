"""h2spec against the own server: what fails is listed, with the reason why it says nothing."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.door import door
from tests.conformance.tools import program

LIST = Path(__file__).with_name("h2spec-says-nothing.txt")
CASES = 145
ASKED = ("-P", "/grpc.health.v1.Health/Check", "generic", "http2", "hpack")


def listed() -> set[str]:
    lines = LIST.read_text(encoding="utf-8").splitlines()
    return {line.partition(": ")[0] for line in lines if not line.startswith("#")}


def failed(report: Path) -> tuple[int, set[str]]:
    """How many cases there were, and those that failed: suite, section and number in it."""
    count, names = 0, set()
    for suite in ET.parse(report).getroot():
        for number, case in enumerate(suite.iter("testcase"), start=1):
            count += 1
            if case.find("failure") is not None or case.find("error") is not None:
                names.add(f"{case.attrib['package']}/{number}")
    return count, names


@pytest.mark.slow
def test_what_fails_is_listed_and_what_is_listed_fails(tmp_path: Path, missing: Callable[[str], None]):
    h2spec, report = program("h2spec", missing), tmp_path / "report.xml"
    with door("light", tmp_path) as running:
        host, _, port = running.address.rpartition(":")
        subprocess.run(
            [h2spec, "-h", host, "-p", port, "-o", "2", "-j", report, *ASKED],
            stdout=subprocess.DEVNULL,
            check=False,
            timeout=200,
        )
    assert failed(report) == (CASES, listed())
