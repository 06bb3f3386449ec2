"""Owns what pressing the button means: by how long, and whether it was down as the box started.

Pure. What it means is done when the button is let go, never while it is down: a button that is
stuck, or leaned on by something, does nothing. Each meaning has a window of time; before it and
after it the button means nothing, so whoever is in doubt goes on holding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Meaning(StrEnum):
    """What the button asks for."""

    NOTHING = "nothing"
    STATUS = "status"
    NETWORK = "network"  # back to DHCP, and a new claim code in the password's place
    RESET = "reset"  # as it came from the factory


@dataclass(frozen=True, slots=True)
class Window:
    """How long the button is held for a meaning: from `from_s` on, and less than `until_s`."""

    at_start: bool
    from_s: float
    until_s: float
    meaning: Meaning


WINDOWS = (
    Window(at_start=False, from_s=0.0, until_s=2.0, meaning=Meaning.STATUS),
    Window(at_start=False, from_s=5.0, until_s=12.0, meaning=Meaning.NETWORK),
    Window(at_start=True, from_s=15.0, until_s=30.0, meaning=Meaning.RESET),
)


@dataclass(frozen=True, slots=True)
class Press:
    """How the button is, as far as it was looked at; a level counts once it was seen twice."""

    last: bool | None = None
    down_at_s: float | None = None
    at_start: bool = False
    unknown: bool = False  # it was down at the first look, and not because the box just started


def meaning(held_s: float, *, at_start: bool) -> Meaning:
    """What it means to hold the button for so long."""
    for window in WINDOWS:
        if window.at_start == at_start and window.from_s <= held_s < window.until_s:
            return window.meaning
    return Meaning.NOTHING


def look(press: Press, *, down: bool, now_s: float, starting: bool) -> tuple[Press, Meaning]:
    """The button as it is now, and what is to be done because it was let go.

    `starting`: the box has just been switched on; it matters at the first look alone.
    """
    if press.last is None:
        begun = now_s if down else None
        first = Press(down, begun, at_start=starting, unknown=down and not starting)
        return first, Meaning.NOTHING
    seen_twice = down is press.last
    press = replace(press, last=down)
    if not seen_twice:
        return press, Meaning.NOTHING
    if down and press.down_at_s is None:
        return replace(press, down_at_s=now_s, at_start=False), Meaning.NOTHING
    if not down and press.down_at_s is not None:
        return Press(last=False), asked(press, now_s)
    return press, Meaning.NOTHING


def asked(press: Press, now_s: float) -> Meaning:
    """What would be done if it were let go now."""
    if press.down_at_s is None or press.unknown:
        return Meaning.NOTHING
    return meaning(now_s - press.down_at_s, at_start=press.at_start)
