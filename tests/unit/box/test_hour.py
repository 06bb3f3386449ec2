"""The clock set by hand: the kernel's and the chip's, and never to what cannot be."""

from __future__ import annotations

import os
import struct
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from appliance.box.hour import Hour, as_chips_count, operations
from appliance.errors import ClockNotTaken

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
BUILT = datetime(2026, 1, 1, tzinfo=UTC)


class Machine:
    """Its files, and a kernel that notes what it is told: tests must not set this one's."""

    def __init__(self, root: Path) -> None:
        self.unsure, self.served = root / "clock-unsure", root / "synchronized"
        system = root / "os-release"
        for path in (self.unsure, system):
            path.touch()
        os.utime(system, (BUILT.timestamp(), BUILT.timestamp()))
        self.told: list[float] = []
        self.hour = Hour(self.unsure, self.served, root / "rtc0", (system,), self._take)

    def _take(self, _: int, seconds: float) -> None:
        self.told.append(seconds)

    def ask(self, utc: str) -> None:
        operations(self.hour)["clock-set"]({"op": "clock-set", "utc": utc})


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_it_is_set_and_counts_from_then_on(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.ask("2026-03-14T16:26:53+07:00")
    assert machine.told == [NOW.timestamp()]
    assert not machine.unsure.exists()
    assert "there is no clock chip" in caplog.text


def test_a_chip_that_refuses_is_said(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine.hour.chip.touch()  # a file knows no such ioctl
    machine.ask(NOW.isoformat())
    assert "the clock chip does not take the time" in caplog.text
    assert not machine.unsure.exists()


@pytest.mark.parametrize(
    ("utc", "said"),
    [
        ("2025-12-31T23:59:59+00:00", "2025-12-31 cannot be today: this system is of 2026-01-01"),
        ("2100-01-01T00:00:00+00:00", "cannot be today"),
        ("2026-03-14T09:26:53", "of which time zone"),
    ],
)
def test_what_cannot_be_is_refused(machine: Machine, utc: str, said: str) -> None:
    with pytest.raises(ClockNotTaken, match=said):
        machine.ask(utc)
    assert machine.told == []
    assert machine.unsure.exists()


def test_where_a_time_server_sets_it_nobody_else_does(machine: Machine) -> None:
    machine.served.touch()
    with pytest.raises(ClockNotTaken, match="a time server sets it"):
        machine.ask(NOW.isoformat())
    assert machine.told == []


def test_the_chip_counts_in_utc_months_from_none_and_years_from_1900() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=7)))
    assert struct.unpack("9i", as_chips_count(there)) == (53, 26, 9, 14, 2, 126, 0, 0, 0)
