"""The page on the wire API says what the code does: its statuses are those of the inputs, its numbers those in use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sidecar.config import Grpc, Limits
from sidecar.transport.grpc import bounds_of
from sidecar.transport.http2 import call, compression, connection, headers, holdings, link
from sidecar.transport.status import DOMAIN
from tests.conformance.inputs import LIMIT, all_inputs
from tests.conformance.table import key_of

PAGE = (Path(__file__).parents[2] / "docs" / "wire-api.md").read_text(encoding="utf-8")
RIGHT = {key_of(each): each.right for each in all_inputs()}
ROOM = holdings.HoldingLimits()


def rows_of(heading: str) -> dict[str, str]:
    """The first two columns of the table under a heading."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [re.split(r" *\| *", line.strip("| ")) for line in section.splitlines() if line.startswith("| ")]
    return {row[0]: row[1] for row in rows[2:]}


def statuses() -> list[tuple[str, str]]:
    found = re.findall(r"^\| `([^`]+)` \| [^|]+ \| ([a-z -]+: [^|]+?) \|$", PAGE, re.MULTILINE)
    return [(key, status) for status, key in found]


def test_the_page_names_many_rows():
    assert len(statuses()) > 12


@pytest.mark.parametrize(("key", "status"), statuses())
def test_each_status_of_the_transport_is_that_of_its_row(key: str, status: str):
    assert RIGHT[key] == status


@pytest.mark.parametrize(
    ("what", "numbers"),
    [
        ("header list of a call", [headers.HEADER_LIST_BYTES, 32]),
        ("header block as sent", [connection.BLOCK_BYTES]),
        ("a message", [LIMIT]),
        ("a call's unread bytes", [call.WINDOW_BYTES]),
        ("a larger message", [ROOM.large_of_one, ROOM.large]),
        ("unfinished messages that fit the window", [ROOM.noted_of_one, ROOM.noted]),
        ("time for a message, once begun", [call.BYTES_PER_SECOND]),
        ("answers that clients do not take", [holdings.MOST_ANSWER_BYTES]),
        ("answers that a client asks for and does not read", [link.MOST_ANSWERS, link.MOST_UNSENT]),
        ("calls given up, or refused", [*connection.RESETS]),
        ("calls ended for what was sent", [*connection.FAULTS]),
        ("requests that wait for their one answer to be made", [connection.MOST_WORK]),
        ("headers in a block", [headers.MOST_FIELDS]),
        ("frames that carry nothing", [*connection.NOISE, *connection.SETTINGS]),
        ("frames in one turn of the event loop", [round(connection.SLICE_SECONDS * 1000)]),
        ("what is sent behind the end of a connection", [link.MOST_DISCARDED]),
        ("messages of a call in one turn of the event loop", [call.MOST_AHEAD]),
        ("file descriptors", [link.SPARE_FILES]),
    ],
)
def test_the_numbers_are_the_codes(what: str, numbers: list[int]):
    found = [int(each.replace(",", "")) for each in re.findall(r"\d[\d,]*", rows_of("The connection")[what])]
    assert found == numbers


def test_the_settings_have_the_bounds_that_the_page_says():
    bounds = bounds_of(Grpc(), Limits())
    assert (bounds.message_bytes, bounds.calls) == (LIMIT, 2 * Limits().max_streams + 256)
    assert bounds.keepalive_seconds + bounds.keepalive_timeout_seconds == 40
    assert bounds.min_ping_interval_seconds == pytest.approx(Grpc().min_ping_interval_seconds * 0.8)
    assert f"`{'`, `'.join(compression.ACCEPTED.split(', ')[:2])}` or `deflate`" in PAGE
    assert f"slices of {compression.SLICE_BYTES:,} bytes" in PAGE
    assert DOMAIN in PAGE
