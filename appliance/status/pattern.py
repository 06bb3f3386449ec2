"""Owns what the lamps say: five states, each told by colour, by place and by rhythm. Pure.

Colour-blind users tell the states by rhythm alone: steady, slow and even, two short flashes and
a pause, fast and even, lit but for a short blink. No rhythm flashes more than three times a
second (WCAG 2.3.1). All dark is none of the five: the box has no power, or its keeper is not
running.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from appliance.board.lamps import Frame, Lamp

if TYPE_CHECKING:
    from collections.abc import Mapping


class LampState(StrEnum):
    """What a passer-by must be able to tell, the most pressing last."""

    IDLE = "idle"
    WORKING = "working"
    NEEDS_A_PERSON = "needs a person"
    CANNOT_DELIVER = "cannot deliver"
    DO_NOT_PULL = "do not pull"


class Sign(StrEnum):
    """What the lamps say to whoever stands before the box, in place of a state."""

    ALL_LIT = "all lamps lit"
    LET_GO_FOR_NETWORK = "let go: network"
    LET_GO_FOR_RESET = "let go: factory reset"
    DONE = "done"
    REFUSED = "refused"
    ENDING = "ending"


class Pattern(NamedTuple):
    """How one state looks."""

    lamp: Lamp
    rhythm: str
    meaning: str
    frames: tuple[Frame, ...]


def _rhythm(lamp: Lamp, *seconds: float) -> tuple[Frame, ...]:
    """Frames of `lamp` that is lit, dark, lit, dark ... for so many seconds each."""
    lit = (frozenset({lamp}), frozenset[Lamp]())
    return tuple(Frame(lit[turn % 2], wait) for turn, wait in enumerate(seconds))


PATTERNS: Mapping[LampState, Pattern] = {
    LampState.IDLE: Pattern(
        Lamp.GREEN,
        "steady",
        "everything that came was delivered",
        _rhythm(Lamp.GREEN, math.inf),
    ),
    LampState.WORKING: Pattern(
        Lamp.GREEN,
        "slow",
        "images are on their way",
        _rhythm(Lamp.GREEN, 1.0, 1.0),
    ),
    LampState.NEEDS_A_PERSON: Pattern(
        Lamp.YELLOW,
        "two flashes and a pause",
        "something waits for somebody: open the page",
        _rhythm(Lamp.YELLOW, 0.2, 0.3, 0.2, 1.3),
    ),
    LampState.CANNOT_DELIVER: Pattern(
        Lamp.RED,
        "fast",
        "images cannot be delivered: open the page",
        _rhythm(Lamp.RED, 0.2, 0.2),
    ),
    LampState.DO_NOT_PULL: Pattern(
        Lamp.GREEN,
        "lit with short dark blinks",
        "a stick is being read: leave it in",
        _rhythm(Lamp.GREEN, 0.7, 0.2),
    ),
}


def _turns(*turns: tuple[float, tuple[Lamp, ...]]) -> tuple[Frame, ...]:
    return tuple(Frame(frozenset(lit), seconds) for seconds, lit in turns)


SIGNS: Mapping[Sign, tuple[Frame, ...]] = {
    Sign.ALL_LIT: _turns((math.inf, tuple(Lamp))),
    Sign.LET_GO_FOR_NETWORK: _turns((0.4, (Lamp.GREEN,)), (0.4, (Lamp.YELLOW,))),
    Sign.LET_GO_FOR_RESET: _turns((0.4, (Lamp.YELLOW,)), (0.4, (Lamp.RED,))),
    Sign.DONE: _turns((0.6, (Lamp.GREEN, Lamp.YELLOW)), (0.6, ())),
    Sign.REFUSED: _turns((0.6, (Lamp.YELLOW, Lamp.RED)), (0.6, ())),
    Sign.ENDING: _turns((0.3, tuple(Lamp)), (0.3, ())),
}
"""More than one lamp at a time, which no state has."""


def lamp_state(
    *, on_the_way: int, for_a_person: int, undeliverable: bool, being_read: bool
) -> LampState:
    """The most pressing of what is true; a stick outdoes all else for as long as it is read."""
    if being_read:
        return LampState.DO_NOT_PULL
    if undeliverable:
        return LampState.CANNOT_DELIVER
    if for_a_person:
        return LampState.NEEDS_A_PERSON
    return LampState.WORKING if on_the_way else LampState.IDLE


def document(state: LampState) -> dict[str, str]:
    """The state as `status --json` shows it: each lamp with its rhythm."""
    pattern = PATTERNS[state]
    lamps = {lamp.value: pattern.rhythm if lamp is pattern.lamp else "dark" for lamp in Lamp}
    return {"state": state.value, "sentence": pattern.meaning, **lamps}


def drawing(state: LampState) -> str:
    """The lamps on one line of a terminal, the red one first; half a disc blinks."""
    pattern = PATTERNS[state]
    lit = "◐" if len(pattern.frames) > 1 else "●"
    lamps = " ".join(lit if lamp is pattern.lamp else "○" for lamp in reversed(Lamp))
    return f"[{lamps}]  {state.value}: {pattern.meaning} ({pattern.lamp.value}, {pattern.rhythm})"
