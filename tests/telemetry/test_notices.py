"""Log lines that would come with each request come once an hour."""

from __future__ import annotations

import logging

import pytest

from sidecar.telemetry.notices import EVERY_MS, Notices
from tests.servers import FakeClock


def test_each_subject_is_told_of_once_an_hour_with_how_often_it_happened(caplog: pytest.LogCaptureFixture):
    clock = FakeClock()
    notices = Notices(clock, logging.getLogger("notices"))
    for _ in range(5):
        notices.tell("it passes", "/a")
    notices.tell("it passes", "/b")
    clock.advance(EVERY_MS - 1)
    notices.tell("it passes", "/a")
    clock.advance(1)
    notices.tell("it passes", "/a")
    told = [(each.getMessage(), vars(each)["subject"], vars(each)["times"]) for each in caplog.records]
    assert told == [("it passes", "/a", 1), ("it passes", "/b", 1), ("it passes", "/a", 6)]
