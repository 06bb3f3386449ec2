"""The table of what an answer means, row by row; retries that last for days and never give up."""

from __future__ import annotations

import pytest

from appliance import errors
from appliance.dicom.sender import Answer
from appliance.dicom.wire import Loss
from appliance.forward.outcome import (
    Action,
    Past,
    is_over,
    of_answer,
    of_failure,
    probe_wait_s,
    wait_s,
)
from appliance.settings.schema import Retry

PEER = "PACS at 10.0.0.1:104"
FACTS = {"peer": PEER, "host": "10.0.0.1", "port": 104, "called": "PACS", "calling": "JEMBATAN"}


@pytest.mark.parametrize(
    ("status", "action", "why", "alert"),
    [
        (0x0000, Action.SENT, None, False),
        (0xB000, Action.SENT, errors.Coerced, True),
        (0xB006, Action.SENT, errors.StoredWithWarning, False),
        (0xB007, Action.SENT, errors.StoredWithWarning, False),
        (0xB001, Action.SENT, errors.StoredWithWarning, True),
        (0xBFFF, Action.SENT, errors.StoredWithWarning, True),
        (0xA700, Action.RETRY, errors.OutOfRoom, False),
        (0xA7FF, Action.RETRY, errors.OutOfRoom, False),
        (0xA900, Action.HOLD, errors.RejectedByDestination, False),
        (0xA9FF, Action.HOLD, errors.RejectedByDestination, False),
        (0xC000, Action.RETRY, errors.RejectedByDestination, False),
        (0xCFFF, Action.RETRY, errors.RejectedByDestination, False),
        (0x0117, Action.HOLD, errors.RejectedByDestination, False),
        (0x0122, Action.HOLD, errors.RejectedByDestination, False),
        (0x0210, Action.HOLD, errors.RejectedByDestination, False),
        (0x0211, Action.HOLD, errors.RejectedByDestination, False),
        (0x0212, Action.HOLD, errors.RejectedByDestination, False),
        (0x0111, Action.ASK_FIND, errors.AlreadyThere, False),
        (0x0110, Action.RETRY, errors.ProcessingFailure, False),
        (0x0124, Action.HOLD, errors.NotAuthorised, True),
        (0x0001, Action.RETRY, errors.RejectedByDestination, False),
        (0xA800, Action.RETRY, errors.RejectedByDestination, False),
        (0xD000, Action.RETRY, errors.RejectedByDestination, False),
        (0xFE00, Action.RETRY, errors.RejectedByDestination, False),
        (0xFFFF, Action.RETRY, errors.RejectedByDestination, False),
    ],
    ids=lambda value: f"{value:04X}" if isinstance(value, int) and value > 1 else None,
)
def test_a_first_answer(
    status: int, action: Action, why: type[errors.Problem] | None, *, alert: bool
) -> None:
    verdict = of_answer(PEER, Answer(status, "its words"))
    assert (verdict.action, verdict.alert) == (action, alert)
    assert type(verdict.why) is (why or type(None))
    if verdict.why:
        assert PEER in verdict.why.sentence
        assert f"status {status:04X} (its words)" in verdict.why.sentence


@pytest.mark.parametrize("loss", list(Loss))
def test_no_status_means_unknown_and_the_same_bytes_again(loss: Loss) -> None:
    for tries in (0, 1, 1000):
        verdict = of_answer(PEER, Answer(None, loss=loss), Past(tries=tries))
        assert verdict.action is Action.RETRY
        assert isinstance(verdict.why, errors.OutcomeUnknown)
        assert loss in verdict.why.sentence


def test_an_empty_answer_means_unknown_too() -> None:
    verdict = of_answer(PEER, Answer(None))
    assert isinstance(verdict.why, errors.OutcomeUnknown)


@pytest.mark.parametrize("status", [0x0000, 0xB000, 0xB007])
def test_a_status_counts_though_the_connection_broke_with_it(status: int) -> None:
    assert of_answer(PEER, Answer(status, loss=Loss.CLOSED)).action is Action.SENT


@pytest.mark.parametrize(
    ("status", "tries", "action"),
    [
        (0xC000, 0, Action.RETRY),
        (0xC000, 1, Action.HOLD),
        (0xC000, 2, Action.HOLD),
        (0xFE00, 2, Action.RETRY),
        (0xFE00, 3, Action.HOLD),
        (0x0110, 1000, Action.RETRY),
        (0x0000, 1000, Action.SENT),
        (0xB007, 1000, Action.SENT),
    ],
)
def test_cxxx_is_retried_once_and_the_unknown_a_few_times(
    status: int, tries: int, action: Action
) -> None:
    assert of_answer(PEER, Answer(status), Past(tries=tries)).action is action


@pytest.mark.parametrize(
    ("past", "action"),
    [
        (Past(), Action.RETRY),
        (Past(tries=1000), Action.RETRY),
        (Past(others_refused=1), Action.RETRY),
        (Past(others_refused=2), Action.DESTINATION_FULL),
        (Past(tries=1000, others_refused=2, others_taken=3), Action.DESTINATION_FULL),
        (Past(tries=1000, others_taken=2), Action.RETRY),
        (Past(tries=3, others_taken=3), Action.HOLD),
    ],
    ids=[
        "first time",
        "alone for ever, nothing else to compare with",
        "two items",
        "three items: the destination is full",
        "full, though others passed before",
        "again while others pass",
        "again and again while others pass: the item is the cause",
    ],
)
def test_a7xx_is_the_destinations_fault_or_the_items(past: Past, action: Action) -> None:
    assert of_answer(PEER, Answer(0xA700), past).action is action


@pytest.mark.parametrize(
    ("problem", "action"),
    [
        (errors.CalledAeUnknown(**FACTS), Action.DESTINATION_STOPPED),
        (errors.CallingAeUnknown(**FACTS), Action.DESTINATION_STOPPED),
        (errors.AssociationRejected(**FACTS, why="?"), Action.DESTINATION_STOPPED),
        (errors.PeerBusy(**FACTS, why="?"), Action.DESTINATION_BUSY),
        (errors.PortClosed(**FACTS), Action.DESTINATION_DOWN),
        (errors.HostUnknown(**FACTS), Action.DESTINATION_DOWN),
        (errors.HostSilent(**FACTS, why="?"), Action.DESTINATION_DOWN),
        (errors.PeerSilent(**FACTS, seconds=30), Action.DESTINATION_DOWN),
        (errors.AssociationAborted(**FACTS), Action.DESTINATION_DOWN),
        (errors.NotDicom(**FACTS, why="?"), Action.DESTINATION_DOWN),
        (errors.SopClassRefused(**FACTS, sop_class="CR"), Action.HOLD),
        (errors.SyntaxRefused(**FACTS, sop_class="CR", syntax="JPEG"), Action.HOLD),
        (errors.ContextRefused(**FACTS, sop_class="CR", syntax="JPEG", why="?"), Action.HOLD),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, errors.Problem) else None,
)
def test_a_failure_before_the_answer(
    problem: errors.AssociationFailed | errors.ContextRefused, action: Action
) -> None:
    verdict = of_failure(problem)
    assert (verdict.action, verdict.why) == (action, problem)
    assert verdict.alert is (action is Action.DESTINATION_STOPPED)


def test_held_deliveries_carry_the_contracts_code() -> None:
    for status in (0xA900, 0x0117, 0x0124):
        why = of_answer(PEER, Answer(status)).why
        assert why
        assert why.code == "rejected-by-destination"
        assert why.hint


@pytest.mark.parametrize(
    ("past", "action"),
    [
        (Past(tries=1000, others_taken=7), Action.RETRY),
        (Past(tries=8, others_taken=8), Action.HOLD),
        (Past(others_refused=1), Action.DESTINATION_DOWN),
        (Past(tries=1000, others_refused=1, others_taken=8), Action.DESTINATION_DOWN),
    ],
    ids=["again", "again and again while others pass", "another too", "all of them now"],
)
def test_a_lost_outcome_is_the_peers_fault_or_the_items(past: Past, action: Action) -> None:
    assert of_answer(PEER, Answer(None), past).action is action


@pytest.mark.parametrize(
    ("past", "action"),
    [
        (Past(tries=1000), Action.RETRY),
        (Past(tries=1000, is_over=True), Action.RETRY),
        (Past(tries=1000, others_taken=1000), Action.RETRY),
        (Past(others_taken=1, is_over=True), Action.HOLD),
        (Past(others_refused=1), Action.RETRY),
        (Past(others_refused=2), Action.DESTINATION_DOWN),
        (Past(others_refused=2, others_taken=1, is_over=True), Action.DESTINATION_DOWN),
    ],
    ids=[
        "alone for ever, nothing else to compare with",
        "so also when the days of the schedule are over",
        "while others pass, as long as the schedule lasts",
        "while others pass, and the schedule is over: the item is the cause",
        "two items",
        "three items: it is the destination",
        "now it is the destination",
    ],
)
def test_0110_is_the_destinations_fault_or_the_items(past: Past, action: Action) -> None:
    assert of_answer(PEER, Answer(0x0110), past).action is action


# Waiting

USUAL = Retry()


@pytest.mark.parametrize("luck", [0.0, 0.5, 1.0])
def test_waits_grow_to_half_an_hour_and_not_beyond(luck: float) -> None:
    waits = [wait_s(USUAL, tries, luck) for tries in range(1, 30)]
    assert waits == sorted(waits)
    assert waits[0] <= 5
    assert 900 <= waits[-1] <= 1800


def test_waits_are_spread_by_luck() -> None:
    assert wait_s(USUAL, 8, 0.0) * 2 == wait_s(USUAL, 8, 1.0)


@pytest.mark.parametrize("luck", [0.0, 1.0])
def test_more_than_eight_days_pass_without_giving_up(luck: float) -> None:
    passed_s, tries = 0.0, 0
    while passed_s <= 8 * 24 * 3600:
        tries += 1
        passed_s += wait_s(USUAL, tries, luck)
        assert not is_over(USUAL, tries)
    assert tries < 1000
    assert wait_s(USUAL, 1_000_000, luck) == wait_s(USUAL, tries, luck)


@pytest.mark.parametrize(
    "schedule",
    [
        USUAL,
        Retry(first_s=60, longest_s=60, days=1),
        Retry(first_s=1, longest_s=43200, days=30),
        Retry(first_s=7, longest_s=1000, days=0.01),
    ],
)
def test_a_schedule_is_over_after_its_days_at_the_earliest(schedule: Retry) -> None:
    passed_s, tries = 0.0, 1
    while not is_over(schedule, tries):
        passed_s += wait_s(schedule, tries, 0.0)
        tries += 1
    assert passed_s >= schedule.days * 86400 > passed_s - schedule.longest_s


def test_a_schedule_without_days_is_never_over() -> None:
    assert not is_over(Retry(days=0), 1_000_000)


@pytest.mark.parametrize(
    ("schedule", "waits"),
    [
        (Retry(first_s=10, longest_s=60), [10, 20, 40, 60, 60]),
        (Retry(first_s=10, longest_s=10), [10, 10, 10]),
        (Retry(first_s=10, longest_s=15), [10, 15, 15]),
    ],
)
def test_a_schedule_doubles_up_to_its_longest_wait(schedule: Retry, waits: list[float]) -> None:
    assert [wait_s(schedule, tries, 1.0) for tries in range(1, len(waits) + 1)] == waits


def test_a_stopped_destination_is_probed_slowly_and_evenly() -> None:
    assert 150 <= probe_wait_s(USUAL, 0.0) < probe_wait_s(USUAL, 1.0) <= 300


def test_a_stopped_destination_is_not_probed_less_often_than_the_schedule_says() -> None:
    assert probe_wait_s(Retry(longest_s=30), 1.0) == 30
