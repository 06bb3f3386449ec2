from __future__ import annotations

from appliance.forward.circuit import Circuit, State
from appliance.settings.schema import Retry

SCHEDULE = Retry(first_s=10, longest_s=40)


def test_all_is_well_until_something_fails() -> None:
    assert Circuit().state(0) is State.CLOSED
    assert Circuit().rest_s(0) == 0


def test_after_a_failure_it_is_left_alone_and_then_probed() -> None:
    circuit = Circuit().failed(100, SCHEDULE, luck=1, stopped=False)
    assert (circuit.state(109.9), circuit.rest_s(109)) == (State.OPEN, 1)
    assert (circuit.state(110), circuit.rest_s(999)) == (State.PROBE, 0)


def test_each_failure_is_followed_by_a_longer_rest() -> None:
    circuit, rests = Circuit(), []
    for _ in range(5):
        circuit = circuit.failed(0, SCHEDULE, luck=1, stopped=False)
        rests.append(circuit.rest_s(0))
    assert rests == [10, 20, 40, 40, 40]


def test_a_stopped_destination_is_probed_evenly() -> None:
    circuit, rests = Circuit(), []
    for _ in range(3):
        circuit = circuit.failed(0, Retry(), luck=1, stopped=True)
        rests.append(circuit.rest_s(0))
    assert rests == [300, 300, 300]


def test_it_may_be_probed_early_and_rests_no_shorter_after_that() -> None:
    circuit = Circuit().failed(100, SCHEDULE, luck=1, stopped=False).hurried(101)
    assert circuit.state(101) is State.PROBE
    assert circuit.hurried(500) == circuit
    assert circuit.failed(101, SCHEDULE, luck=1, stopped=False).rest_s(101) == 20
    assert Circuit().hurried(7) == Circuit()


def test_boxes_that_failed_together_come_back_apart() -> None:
    rests = {Circuit().failed(0, SCHEDULE, n / 10, stopped=False).rest_s(0) for n in range(11)}
    assert len(rests) == 11
    assert (min(rests), max(rests)) == (5, 10)
