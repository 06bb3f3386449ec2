"""Certificates are remembered as they were seen last, and as long as the settings know of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from appliance.journal.certificates import Holder, Paper

if TYPE_CHECKING:
    from tests.builders.box import Box

PACS, OURS, RIS = (
    Holder("destination", "pacs", "theirs"),
    Holder("destination", "pacs", "ours"),
    Holder("worklist", "pacs", "theirs"),
)


def paper(holder: Holder, day: int = 1) -> Paper:
    return Paper(holder, "CN=pacs", "AB:CD", datetime(2026, 5, day, 12, tzinfo=UTC))


def test_each_holder_has_one_and_the_last_counts(box: Box) -> None:
    certificates = box.journal.certificates
    for each in (paper(PACS), paper(RIS), paper(OURS), paper(PACS, 9)):
        certificates.seen(each)
    assert certificates.all() == [paper(OURS), paper(PACS, 9), paper(RIS)]


def test_those_of_nobody_any_more_are_forgotten(box: Box) -> None:
    certificates = box.journal.certificates
    for each in (paper(PACS), paper(OURS), paper(RIS)):
        certificates.seen(each)
    certificates.keep([RIS, PACS])
    assert certificates.all() == [paper(PACS), paper(RIS)]
    certificates.keep([])
    assert certificates.all() == []
