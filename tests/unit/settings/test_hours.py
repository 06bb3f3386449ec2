from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appliance.settings.hours import Hours, Span
from appliance.settings.values import hours as wrong

JAKARTA, BERLIN = ZoneInfo("Asia/Jakarta"), ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("08:00-17:30", ["08:00", "12:00", "17:29"], ["00:00", "07:59", "17:30", "23:59"]),
        ("19:00-06:00", ["19:00", "23:59", "00:00", "05:59"], ["06:00", "12:00", "18:59"]),
        ("00:00-24:00", ["00:00", "23:59"], []),
        ("22:15-24:00", ["22:15", "23:59"], ["00:00", "22:14"]),
        ("23:59-00:00", ["23:59"], ["00:00", "23:58"]),
    ],
)
def test_a_span_ends_before_its_last_minute(
    text: str, inside: list[str], outside: list[str]
) -> None:
    span = Span.parse(text)
    assert not wrong(text)
    assert all(span.covers(at(f"2026-03-14T{moment}:59")) for moment in inside)
    assert not any(span.covers(at(f"2026-03-14T{moment}:59")) for moment in outside)


@pytest.mark.parametrize(
    "text",
    ["", "8:00-9:00", "08:00", "08:00-08:00", "24:00-01:00", "08:60-09:00", "08:00-24:01",
     "08:00 - 09:00", "08:00-09:00 ", "08:00-25:00"],
)  # fmt: skip
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        Span.parse(text)
    assert wrong(text) == f"{text!r} is not a time of the day such as 19:00-06:00"


def hours(zone: ZoneInfo, *spans: str) -> Hours:
    return Hours(tuple(map(Span.parse, spans)), zone)


def test_without_spans_it_is_always() -> None:
    now = at("2026-03-14T09:26+00:00")
    assert hours(JAKARTA).cover(now)
    assert hours(JAKARTA).next_start(now) == now


def test_the_clock_on_the_wall_counts() -> None:
    night = hours(JAKARTA, "19:00-06:00")
    assert not night.cover(at("2026-03-14T09:26+00:00"))  # 16:26 in Jakarta
    assert night.cover(at("2026-03-14T12:00+00:00"))  # 19:00


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2026-03-14T09:26+07:00", "2026-03-14T12:00+07:00"),
        ("2026-03-14T13:00+07:00", "2026-03-14T19:00+07:00"),
        ("2026-03-14T06:00+07:00", "2026-03-14T12:00+07:00"),
        ("2026-03-14T12:30+07:00", "2026-03-14T12:30+07:00"),
    ],
)
def test_the_next_start_is_the_nearest_of_all_spans(now: str, start: str) -> None:
    assert hours(JAKARTA, "19:00-06:00", "12:00-13:00").next_start(at(now)) == at(start)


def test_after_the_last_span_of_a_day_the_next_days_first_is_next() -> None:
    noon = hours(JAKARTA, "12:00-13:00")
    assert noon.next_start(at("2026-03-14T15:00+07:00")) == at("2026-03-15T12:00+07:00")


def test_a_night_in_which_clocks_change_has_its_hours_too() -> None:
    night = hours(BERLIN, "02:30-04:00")  # 02:30 does not exist on that day, 03:30 does
    start = night.next_start(at("2026-03-29T00:00+01:00"))
    assert start == at("2026-03-29T03:30+02:00")
    assert night.cover(start)
    after = night.next_start(at("2026-10-24T12:00+02:00"))  # 02:30 comes twice: the first
    assert after == at("2026-10-25T02:30+02:00")


def test_there_is_a_next_start_whenever_it_is_closed() -> None:
    short = hours(BERLIN, "02:15-02:45")
    now = at("2026-03-28T00:00+00:00").astimezone(UTC)
    for _ in range(200):
        now += timedelta(minutes=29)
        start = short.next_start(now)
        assert now <= start <= now + timedelta(hours=49)
