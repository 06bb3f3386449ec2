"""What the buzzer says: which states sound, how often, and until when they are silenced."""

from __future__ import annotations

import pytest

from appliance.status.pattern import LampState, Sign
from appliance.status.sounds import AGAIN_AFTER_S, SIGN_SOUNDS, SOUNDS, Sounding, silenced, turn

STATES = list(LampState)


@pytest.mark.parametrize("state", STATES)
def test_a_new_state_sounds_once_if_it_needs_somebody(state: LampState) -> None:
    before = Sounding(LampState.WORKING if state is LampState.IDLE else LampState.IDLE)
    sounding, beats = turn(before, state, 100)
    needs = state in (LampState.NEEDS_A_PERSON, LampState.CANNOT_DELIVER)
    assert bool(beats) == needs
    assert turn(sounding, state, 101) == (sounding, ())


def test_it_sounds_again_after_ten_minutes() -> None:
    sounding, _ = turn(Sounding(), LampState.CANNOT_DELIVER, 100)
    sounding, beats = turn(sounding, LampState.CANNOT_DELIVER, 100 + AGAIN_AFTER_S)
    assert beats == SOUNDS[LampState.CANNOT_DELIVER]
    assert turn(sounding, LampState.CANNOT_DELIVER, 101 + AGAIN_AFTER_S)[1] == ()


def test_silenced_it_is_quiet_until_the_state_changes() -> None:
    sounding, _ = turn(Sounding(), LampState.CANNOT_DELIVER, 100)
    sounding = silenced(sounding)
    assert turn(sounding, LampState.CANNOT_DELIVER, 100 + 9 * AGAIN_AFTER_S)[1] == ()
    sounding, beats = turn(sounding, LampState.NEEDS_A_PERSON, 200)
    assert beats == SOUNDS[LampState.NEEDS_A_PERSON]


def test_each_sounds_differently_and_none_for_long() -> None:
    sounds = [*SOUNDS.values(), *SIGN_SOUNDS.values()]
    assert len({*SOUNDS.values()}) == len(SOUNDS)
    assert all(sum(beats) <= 3 and len(beats) % 2 for beats in sounds)
    assert Sign.ENDING not in SIGN_SOUNDS
