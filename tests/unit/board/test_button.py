"""What pressing the button means: titled by how long, and by whether the box just started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.board.button import WINDOWS, Meaning, Press, asked, look, meaning

if TYPE_CHECKING:
    from collections.abc import Iterable

LOOK_S = 0.05


def looks(*stretches: tuple[bool, float]) -> Iterable[tuple[bool, float]]:
    """(down?, for how many seconds) as (down?, when)."""
    at = 0
    for down, seconds in stretches:
        for _ in range(round(seconds / LOOK_S)):
            yield down, at * LOOK_S
            at += 1


def done(*stretches: tuple[bool, float], starting: bool = False) -> list[Meaning]:
    """What was done, in order."""
    press, found = Press(), []
    for down, now_s in looks(*stretches):
        press, what = look(press, down=down, now_s=now_s, starting=starting)
        found.append(what)
    return [what for what in found if what is not Meaning.NOTHING]


@pytest.mark.parametrize(
    ("held_s", "expected"),
    [
        (0.15, [Meaning.STATUS]),
        (1.9, [Meaning.STATUS]),
        (2.2, []),
        (4.9, []),
        (5.2, [Meaning.NETWORK]),
        (11.9, [Meaning.NETWORK]),
        (12.2, []),
        (16.0, []),
        (3600.0, []),
    ],
)
def test_pressed_while_the_box_runs(held_s: float, expected: list[Meaning]) -> None:
    assert done((False, 1), (True, held_s), (False, 1)) == expected


@pytest.mark.parametrize(
    ("held_s", "expected"),
    [
        (0.5, []),
        (5.2, []),
        (14.9, []),
        (15.2, [Meaning.RESET]),
        (29.9, [Meaning.RESET]),
        (30.2, []),
        (3600.0, []),
    ],
)
def test_down_as_the_box_starts(held_s: float, expected: list[Meaning]) -> None:
    assert done((True, held_s), (False, 1), starting=True) == expected


def test_pressed_later_while_the_box_still_starts_never_resets() -> None:
    assert done((False, 1), (True, 20), (False, 1), starting=True) == []
    assert done((False, 1), (True, 6), (False, 1), starting=True) == [Meaning.NETWORK]


def test_down_since_nobody_knows_when_means_nothing() -> None:
    assert done((True, 6), (False, 1)) == []
    assert done((True, 20), (False, 1)) == []
    assert done((True, 6), (False, 1), (True, 6), (False, 1)) == [Meaning.NETWORK]


def test_nothing_happens_while_it_is_down() -> None:
    assert done((False, 1), (True, 8)) == []
    assert done((True, 20), starting=True) == []


def test_a_single_look_is_no_press_and_no_release() -> None:
    assert done((False, 1), (True, LOOK_S), (False, 1)) == []
    bounced = (False, 1), (True, 3), (False, LOOK_S), (True, 3), (False, 1)
    assert done(*bounced) == [Meaning.NETWORK]


def test_several_presses_count_each() -> None:
    presses = (False, 1), (True, 1), (False, 1), (True, 6), (False, 1)
    assert done(*presses) == [Meaning.STATUS, Meaning.NETWORK]


def test_what_letting_go_would_do_is_known_before() -> None:
    press, seen = Press(), [Meaning.NOTHING]
    for down, now_s in looks((False, 1), (True, 14)):
        press, _ = look(press, down=down, now_s=now_s, starting=False)
        if asked(press, now_s) is not seen[-1]:
            seen.append(asked(press, now_s))
    nothing = Meaning.NOTHING
    assert seen == [nothing, Meaning.STATUS, nothing, Meaning.NETWORK, nothing]


def test_windows_do_not_overlap_and_reset_is_the_longest() -> None:
    for window in WINDOWS:
        others = [w for w in WINDOWS if w.at_start == window.at_start and w is not window]
        assert all(window.until_s < w.from_s or w.until_s < window.from_s for w in others)
        assert meaning(window.from_s, at_start=window.at_start) is window.meaning
        assert meaning(window.until_s, at_start=window.at_start) is Meaning.NOTHING
    assert max(WINDOWS, key=lambda w: w.from_s).meaning is Meaning.RESET
