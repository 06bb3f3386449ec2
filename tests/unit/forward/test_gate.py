"""What the lanes of a destination share, by a clock that is moved by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from appliance.dicom.association import Target
from appliance.forward.gate import Gate, Gates
from appliance.forward.outcome import Past
from appliance.model import Delivery, DeliveryState, Priority
from appliance.settings.schema import Destination, Retry
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

ONE, TWO, THREE = object(), object(), object()


def delivery(number: int, tries: int = 1, source: str = "cr") -> Delivery:
    state, priority = DeliveryState.ACTIVE, Priority.ROUTINE
    return Delivery(number, number, "pacs", state, tries, source, priority, ())


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def gate_of(clock: FakeClock, zone: str = "UTC", **settings: Any) -> Gate:
    return Gate(Destination("pacs", "h", 104, "PACS", **settings), ZoneInfo(zone), clock)


# --- whether it may be tried --------------------------------------------------------------------


def test_while_all_is_well_everybody_may_go(clock: FakeClock) -> None:
    gate = gate_of(clock)
    assert [gate.rest_s(lane) for lane in (ONE, TWO)] == [0, 0]
    assert gate.is_well


def test_after_a_failure_nobody_may_go_and_then_one_at_a_time(clock: FakeClock) -> None:
    gate = gate_of(clock)
    gate.failed(ONE, stopped=False)
    assert not gate.is_well
    assert 0 < gate.rest_s(TWO) <= 5
    clock.passes(seconds=5)
    assert gate.rest_s(TWO) == 0
    assert gate.rest_s(ONE) > 0
    assert gate.rest_s(TWO) == 0  # the same one still


def test_who_found_nothing_to_try_lets_another_find_out(clock: FakeClock) -> None:
    gate = gate_of(clock)
    gate.failed(ONE, stopped=False)
    clock.passes(seconds=5)
    gate.rest_s(TWO)
    gate.leave(ONE)  # who was not to find out
    assert gate.rest_s(ONE) > 0
    gate.leave(TWO)
    assert gate.rest_s(ONE) == 0


def test_what_several_notice_at_once_counts_once(clock: FakeClock) -> None:
    gate = gate_of(clock, retry=Retry(first_s=8, longest_s=800))
    for lane in (ONE, TWO, THREE):
        gate.failed(lane, stopped=False)
    assert 4 <= gate.rest_s(ONE) <= 8
    clock.passes(seconds=8)
    gate.rest_s(TWO)
    gate.failed(ONE, stopped=False)  # was still at it
    gate.failed(TWO, stopped=False)
    assert 8 <= gate.rest_s(ONE) <= 16


def test_with_one_image_taken_everybody_may_go_again(clock: FakeClock) -> None:
    gate = gate_of(clock)
    gate.failed(ONE, stopped=True)
    clock.passes(minutes=5)
    gate.rest_s(TWO)
    gate.took(delivery(1))
    assert gate.is_well
    assert [gate.rest_s(lane) for lane in (ONE, TWO, THREE)] == [0, 0, 0]


def test_it_knows_whether_others_are_connected(clock: FakeClock) -> None:
    gate = gate_of(clock)
    gate.linked(ONE, yes=True)
    assert (gate.others_linked(ONE), gate.others_linked(TWO)) == (False, True)
    gate.linked(ONE, yes=False)
    gate.linked(ONE, yes=False)
    assert not gate.others_linked(TWO)


# --- what became of images ----------------------------------------------------------------------


def test_of_a_first_try_nothing_is_known(clock: FakeClock) -> None:
    assert gate_of(clock).past(delivery(1)) == Past()


def test_other_images_that_were_refused_count_once_each(clock: FakeClock) -> None:
    gate = gate_of(clock)
    for number in (1, 2, 1, 2, 3):
        gate.refused(delivery(number))
    assert gate.past(delivery(9)).others_refused == 3
    assert gate.past(delivery(3)).others_refused == 2
    gate.took(delivery(4))
    assert gate.past(delivery(9)).others_refused == 0


def test_how_many_were_refused_since_one_was_taken(clock: FakeClock) -> None:
    gate = gate_of(clock)
    assert [gate.refused(delivery(1)) for _ in range(3)] == [1, 2, 3]
    gate.took(delivery(2))
    assert gate.refused(delivery(1)) == 1


def refused_between(gate: Gate, taken: int, refused: int) -> int:
    """What is known of image 1 after it was refused, others were tried, and it is tried again."""
    gate.refused(delivery(1))
    for number in range(taken):
        gate.took(delivery(100 + number))
    for number in range(refused):
        gate.refused(delivery(200 + number))
    return gate.past(delivery(1)).others_taken


def test_it_is_counted_how_often_others_were_taken_meanwhile(clock: FakeClock) -> None:
    gate = gate_of(clock)
    assert [refused_between(gate, taken, 0) for taken in (1, 5, 1)] == [1, 2, 3]


def test_a_time_without_others_says_nothing(clock: FakeClock) -> None:
    gate = gate_of(clock)
    assert [refused_between(gate, taken, 0) for taken in (0, 1, 0, 0, 1)] == [0, 1, 1, 1, 2]


def test_where_as_many_others_are_refused_it_is_not_the_image(clock: FakeClock) -> None:
    gate = gate_of(clock)
    assert refused_between(gate, 3, 0) == 1
    assert refused_between(gate, 3, 2) == 2
    assert refused_between(gate, 3, 3) == 0


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda gate: gate.took(delivery(1)), id="taken"),
        pytest.param(lambda gate: gate.forget(delivery(1).id), id="held"),
    ],
)
def test_an_image_that_is_done_with_begins_anew(
    clock: FakeClock, end: Callable[[Gate], None]
) -> None:
    gate = gate_of(clock)
    refused_between(gate, 1, 0)
    end(gate)
    gate.took(delivery(2))
    assert gate.past(delivery(1)).others_taken == 0


def test_when_the_schedule_is_over_is_known_from_the_tries(clock: FakeClock) -> None:
    gate = gate_of(clock, retry=Retry(days=1))
    assert not gate.past(delivery(1, tries=50)).is_over
    assert gate.past(delivery(1, tries=500)).is_over


# --- whose turn it is ---------------------------------------------------------------------------


def test_the_source_after_the_last_one_is_next(clock: FakeClock) -> None:
    gate = gate_of(clock)
    assert gate.turn().after == ""
    gate.took_up(delivery(1, source="ct"))
    assert gate.turn().after == "ct"


def test_without_hours_it_is_always_open(clock: FakeClock) -> None:
    gate = gate_of(clock)
    assert gate.turn().least is Priority.ROUTINE
    assert gate.opens_at() is None


def test_out_of_hours_only_what_is_urgent_goes(clock: FakeClock) -> None:
    gate = gate_of(clock, "Asia/Jakarta", hours=("19:00-06:00", "12:00-13:00"))
    assert gate.turn().least is Priority.STAT  # 09:26:53 UTC, 16:26:53 in Jakarta
    opens_at = gate.opens_at()
    assert opens_at is not None
    assert f"{opens_at:%d. %H:%M %Z}" == "14. 19:00 WIB"
    clock.passes(hours=3)
    assert gate.turn().least is Priority.ROUTINE
    assert gate.opens_at() is None


def test_a_pace_is_there_where_one_is_set(clock: FakeClock) -> None:
    assert gate_of(clock).pace is None
    assert gate_of(clock, kbit_s=64).pace is not None


# --- all of them ----------------------------------------------------------------------

PACS = Destination("pacs", "h", 104, "PACS")
TARGET = Target("h", 104, "PACS", "JEMBATAN")


def test_a_gate_is_the_same_as_long_as_nothing_changes(clock: FakeClock) -> None:
    gates = Gates(clock)
    gate = gates.of(PACS, TARGET, "UTC")
    other = gates.of(replace(PACS, name="other"), TARGET, "UTC")
    assert gates.of(replace(PACS), replace(TARGET), "UTC") is gate
    assert other is not gate


@pytest.mark.parametrize(
    ("destination", "target", "zone"),
    [
        (replace(PACS, kbit_s=64), TARGET, "UTC"),
        (PACS, replace(TARGET, calling="OTHER"), "UTC"),
        (PACS, TARGET, "Asia/Jakarta"),
    ],
)
def test_what_was_put_right_is_tried_at_once(
    clock: FakeClock, destination: Destination, target: Target, zone: str
) -> None:
    gates = Gates(clock)
    gates.of(PACS, TARGET, "UTC").failed(ONE, stopped=True)
    assert gates.of(PACS, TARGET, "UTC").rest_s(ONE) > 0
    assert gates.of(destination, target, zone).rest_s(ONE) == 0


def test_somebody_who_looks_into_it_need_not_wait(clock: FakeClock) -> None:
    gates = Gates(clock)
    gate = gates.of(PACS, TARGET, "UTC")
    gate.failed(ONE, stopped=True)
    gates.try_now()
    assert gate.rest_s(ONE) == 0
    assert gate.rest_s(TWO) > 0  # one finds out, as ever
