"""What is told of settings that are in order and a risk all the same."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.journal.certificates import Holder, Paper
from appliance.settings.load import parse
from appliance.status.notices import PAGE, notices
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from appliance.errors import Notice

FENCE = 'interface = "eth1"'


def told(*lines: str) -> list[str]:
    share = ["[[source]]", 'name = "us"', 'kind = "share"', *lines]
    found = notices(parse("\n".join(share)), FakeClock(), [])
    assert {notice.code for notice in found} <= {"smb1-on"}
    return [notice.sentence for notice in found]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["hosted = true", "smb1 = true", FENCE], "us uses SMB1"),
        (["hosted = true", "ntlmv1 = true", "smb1 = true", FENCE], "us uses SMB1 .* and NTLMv1"),
        (['mount = "//10.0.0.7/export"', 'version = "1.0"'], "us uses SMB1"),
    ],
)
def test_old_sharing_is_told(lines: list[str], words: str) -> None:
    (sentence,) = told(*lines)
    assert re.match(words, sentence)


@pytest.mark.parametrize(
    "lines", [["hosted = true"], ['mount = "//10.0.0.7/export"', 'version = "3.0"']]
)
def test_new_sharing_is_not(lines: list[str]) -> None:
    assert told(*lines) == []


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (-1, "The certificate of pacs was valid until 2026-03-14."),
        (0, "The certificate of pacs was valid until 2026-03-14."),
        (24, "The certificate of pacs is valid until 2026-03-15 only."),
        (24 * 30, "The certificate of pacs is valid until 2026-04-13 only."),
        (24 * 30 + 1, None),
    ],
)
def test_a_certificate_that_ends_is_told_a_month_before(hours: int, words: str | None) -> None:
    now = datetime(2026, 3, 14, 12, tzinfo=UTC)
    found = endings([paper(Holder("destination", "pacs", "theirs"), now, hours)], now)
    assert [notice.sentence for notice in found] == [words] * bool(words)


def test_it_says_whose_certificate_ends() -> None:
    now = datetime(2026, 3, 14, 12, tzinfo=UTC)
    holders = [Holder("box", "", "ours"), Holder("worklist", "ris", "ours"), PAGE]
    found = endings([paper(holder, now, 1) for holder in holders], now)
    whose = [notice.sentence.split(" is ")[0] for notice in found]
    assert whose == [
        "The certificate of this box",
        "The certificate of this box for ris",
        "The certificate of this box's page",
    ]


def endings(papers: list[Paper], now: datetime) -> tuple[Notice, ...]:
    return notices(parse(""), FakeClock(now), papers)


def paper(holder: Holder, now: datetime, hours: int) -> Paper:
    return Paper(holder, "CN=pacs", "AB", now + timedelta(hours=hours))
