"""Owns what the buzzer says, where it is wanted: which states sound, how, and how often. Pure.

Only what needs somebody sounds. A press of the button silences it until the state changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.status.pattern import LampState, Sign

if TYPE_CHECKING:
    from collections.abc import Mapping

AGAIN_AFTER_S = 600.0

Beats = tuple[float, ...]
"""Seconds of sound, of silence, of sound ..."""

SOUNDS: Mapping[LampState, Beats] = {
    LampState.NEEDS_A_PERSON: (0.1, 0.2, 0.1),
    LampState.CANNOT_DELIVER: (0.5, 0.3, 0.5, 0.3, 0.5),
}
SIGN_SOUNDS: Mapping[Sign, Beats] = {
    Sign.ALL_LIT: (0.1,),
    Sign.LET_GO_FOR_NETWORK: (0.1,),
    Sign.LET_GO_FOR_RESET: (0.1, 0.1, 0.1, 0.1, 0.1),
    Sign.DONE: (0.3,),
    Sign.REFUSED: (0.8,),
}
"""Heard by whoever holds the button, whether a buzzer is wanted otherwise or not."""


@dataclass(frozen=True, slots=True)
class Sounding:
    """What was last sounded, and when."""

    state: LampState = LampState.IDLE
    at_s: float = 0.0
    is_silenced: bool = False


def turn(before: Sounding, state: LampState, now_s: float) -> tuple[Sounding, Beats]:
    """What is to sound now that this is the state; nothing most of the time."""
    if state is not before.state:
        return Sounding(state, now_s), SOUNDS.get(state, ())
    if before.is_silenced or now_s - before.at_s < AGAIN_AFTER_S:
        return before, ()
    return replace(before, at_s=now_s), SOUNDS.get(state, ())


def silenced(before: Sounding) -> Sounding:
    """The same, quiet until the state changes."""
    return replace(before, is_silenced=True)
