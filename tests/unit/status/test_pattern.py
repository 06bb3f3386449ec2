"""Five states, told apart by colour, by place and by rhythm alone."""

from __future__ import annotations

import math
from itertools import combinations, pairwise

import pytest

from appliance.board.lamps import Frame, Lamp
from appliance.status.pattern import PATTERNS, LampState, document, drawing, lamp_state


@pytest.mark.parametrize(
    ("on_the_way", "for_a_person", "undeliverable", "state"),
    [
        (0, 0, False, LampState.IDLE),
        (3, 0, False, LampState.WORKING),
        (0, 1, False, LampState.NEEDS_A_PERSON),
        (3, 1, False, LampState.NEEDS_A_PERSON),
        (0, 0, True, LampState.CANNOT_DELIVER),
        (3, 1, True, LampState.CANNOT_DELIVER),
    ],
)
def test_the_most_pressing_state_is_shown(
    on_the_way: int, for_a_person: int, undeliverable: bool, state: LampState
) -> None:
    for being_read, shown in ((False, state), (True, LampState.DO_NOT_PULL)):
        assert shown is lamp_state(
            on_the_way=on_the_way,
            for_a_person=for_a_person,
            undeliverable=undeliverable,
            being_read=being_read,
        )


def rhythm(frames: tuple[Frame, ...]) -> tuple[tuple[bool, float], ...]:
    return tuple((bool(frame.lit), frame.seconds) for frame in frames)


def flashes_per_second(frames: tuple[Frame, ...]) -> float:
    shortest = min(a.seconds + b.seconds for a, b in pairwise(frames))
    return 1 / shortest


@pytest.mark.parametrize(("one", "other"), list(combinations(LampState, 2)))
def test_two_states_differ_without_seeing_colour(one: LampState, other: LampState) -> None:
    assert rhythm(PATTERNS[one].frames) != rhythm(PATTERNS[other].frames)
    assert PATTERNS[one].rhythm != PATTERNS[other].rhythm
    assert drawing(one) != drawing(other)


@pytest.mark.parametrize("state", LampState)
def test_every_state_lights_something_and_only_its_own_lamp(state: LampState) -> None:
    seen = frozenset[Lamp]().union(*(frame.lit for frame in PATTERNS[state].frames))
    assert seen == {PATTERNS[state].lamp}


@pytest.mark.parametrize("state", [state for state in LampState if state is not LampState.IDLE])
def test_nothing_flashes_more_than_three_times_a_second(state: LampState) -> None:
    assert flashes_per_second(PATTERNS[state].frames) <= 3


def test_a_stick_that_is_read_is_told_from_work_without_counting() -> None:
    """Both are green: here the lamp is lit most of the time, there half of it."""
    lit_s, dark_s = (frame.seconds for frame in PATTERNS[LampState.DO_NOT_PULL].frames)
    assert lit_s >= 3 * dark_s


def test_idle_is_steady_so_that_dark_means_a_dead_box() -> None:
    assert PATTERNS[LampState.IDLE].frames == (Frame(frozenset({Lamp.GREEN}), math.inf),)


def test_the_document_says_every_lamp() -> None:
    assert document(LampState.CANNOT_DELIVER) == {
        "state": "cannot deliver",
        "sentence": "images cannot be delivered: open the page",
        "green": "dark",
        "yellow": "dark",
        "red": "fast",
    }


def test_the_drawing_has_red_first() -> None:
    assert drawing(LampState.CANNOT_DELIVER).startswith("[◐ ○ ○]  cannot deliver: ")
    assert drawing(LampState.IDLE).startswith("[○ ○ ●]  idle: ")
