"""When silence is strange: a working week's habit, told from the hours that brought something."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from appliance.status.habit import is_too_quiet, missed_hours

MONDAY = datetime(2026, 3, 2)  # noqa: DTZ001 - local time, as the box's people see it
WEEKS = 4
NEXT = MONDAY + timedelta(weeks=WEEKS)


def week(*hours: int, days: int = 5) -> list[datetime]:
    """Some weeks in which those hours of each working day brought something."""
    return [
        MONDAY + timedelta(weeks=w, days=d, hours=h)
        for w in range(WEEKS)
        for d in range(days)
        for h in hours
    ]


OFFICE = week(*range(8, 16))


@pytest.mark.parametrize(
    ("now", "strange"),
    [
        (NEXT + timedelta(hours=7), False),  # a weekend and a night are the habit
        (NEXT + timedelta(hours=10), False),
        (NEXT + timedelta(hours=11, minutes=59), False),
        (NEXT + timedelta(hours=13), True),  # half a day
        (NEXT + timedelta(days=1, hours=3), True),
        (NEXT - timedelta(days=1), False),
    ],
)
def test_half_a_working_day_without_a_film_is_strange(now: datetime, *, strange: bool) -> None:
    assert is_too_quiet(OFFICE, now) is strange


def test_a_film_makes_it_usual_again() -> None:
    now = NEXT + timedelta(hours=13)
    assert not is_too_quiet([*OFFICE, NEXT + timedelta(hours=12)], now)


def test_who_is_used_once_a_week_may_be_silent_for_weeks() -> None:
    tuesdays = [MONDAY + timedelta(weeks=w, days=1, hours=9) for w in range(WEEKS)]
    assert not is_too_quiet(tuesdays, NEXT + timedelta(weeks=2))
    assert is_too_quiet(tuesdays, NEXT + timedelta(weeks=5))


def test_who_is_used_now_and_then_is_never_strange_after_a_day() -> None:
    seldom = [MONDAY + timedelta(days=4 * n, hours=8 + n % 8) for n in range(7)]
    assert not is_too_quiet(seldom, max(seldom) + timedelta(days=2))


@pytest.mark.parametrize("known", [[], OFFICE[:8], OFFICE[:40]])
def test_without_two_weeks_there_is_no_habit(known: list[datetime]) -> None:
    assert missed_hours(known, NEXT + timedelta(weeks=3)) == 0


def test_a_clock_that_was_set_back_is_no_silence() -> None:
    assert missed_hours(OFFICE, MONDAY - timedelta(weeks=52)) == 0
