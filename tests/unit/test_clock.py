from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from appliance.clock import SystemClock, stamp
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.clock import Clock

MOMENT = datetime(2026, 3, 14, 9, 26, 53, 589_793, tzinfo=UTC)


def test_a_stamp_is_utc_with_milliseconds() -> None:
    assert stamp(MOMENT) == "2026-03-14T09:26:53.589+00:00"
    assert stamp(MOMENT.astimezone(timezone(timedelta(hours=7)))) == stamp(MOMENT)


def test_stamps_sort_as_text_in_the_order_of_time() -> None:
    steps = (0, 1, 10, 999, 1000, 59_999, 3_600_000, 86_400_000 * 300)
    stamps = [stamp(MOMENT + timedelta(milliseconds=step)) for step in steps]
    assert stamps == sorted(stamps)


def test_a_stamp_reads_back_as_the_moment() -> None:
    assert MOMENT - datetime.fromisoformat(stamp(MOMENT)) < timedelta(milliseconds=1)


@pytest.mark.parametrize("clock", [SystemClock(), FakeClock()], ids=["system", "fake"])
def test_a_clock_knows_its_time_zone_and_never_runs_backwards(clock: Clock) -> None:
    assert clock.utc().utcoffset() == timedelta(0)
    assert clock.monotonic() <= clock.monotonic()


def test_the_system_s_clock_is_the_system_s() -> None:
    before = time.clock_gettime(time.CLOCK_REALTIME)
    assert before <= SystemClock().utc().timestamp() + 1e-3
    assert SystemClock().monotonic() == pytest.approx(time.monotonic(), abs=1)


@pytest.mark.parametrize("is_there", [True, False])
def test_the_system_s_clock_is_unsure_where_nothing_has_set_it(
    is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = tmp_path / "clock-unsure"
    if is_there:
        flag.touch()
    monkeypatch.setattr("appliance.clock.UNSURE", flag)
    assert SystemClock().is_sure() is not is_there


def test_a_fake_clock_that_is_set_back_still_counts_what_passed() -> None:
    clock = FakeClock(MOMENT)
    clock.passes(minutes=2)
    clock.is_set(MOMENT - timedelta(days=400))
    clock.passes(seconds=30)
    assert clock.utc() == MOMENT - timedelta(days=400) + timedelta(seconds=30)
    assert clock.monotonic() == 150
