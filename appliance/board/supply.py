"""Owns hearing that the supply fails: a line that a power board holds high meanwhile.

Where no such board is fitted the line is pulled down, and the supply never fails until it is gone.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.board.pins import is_meant, read_pins

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

FAILS_AFTER_S = 0.2
"""A dip that is shorter is none of ours: the supply's own capacitors outlast it."""

_SAID_AGAIN_S = 5.0
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Supply:
    """How the supply is, as far as it was looked at.

    Only a supply that was seen to be good can fail: a line that is stuck would otherwise stop the
    box at each of its starts.
    """

    was_good: bool = False
    failing_since_s: float | None = None
    said_at_s: float | None = None


def look(supply: Supply, *, failing: bool, now_s: float) -> tuple[Supply, bool]:
    """The supply as it is now, and whether it is time to say that it fails (again). Pure."""
    if not failing:
        return Supply(was_good=True), False
    if not supply.was_good:
        return supply, False
    if supply.failing_since_s is None:
        return replace(supply, failing_since_s=now_s), False
    if now_s - supply.failing_since_s < FAILS_AFTER_S:
        return supply, False
    if supply.said_at_s is not None and now_s - supply.said_at_s < _SAID_AGAIN_S:
        return supply, False
    return replace(supply, said_at_s=now_s), True


def wait_for_power(longest_s: float) -> bool:
    """Wait while the supply fails, before anything is written; False: it still does.

    The box starts again on what is left in the capacitors after a power failure, and may be cut
    off at any moment until the supply is back. Returns at once where the line cannot be read.
    """
    if not is_meant():
        return True
    import gpiozero  # noqa: PLC0415 - only a board has lines

    try:
        with gpiozero.InputDevice(read_pins().power_fail, pull_up=False) as line:
            return wait_while(lambda: bool(line.value), longest_s)
    except (gpiozero.GPIOZeroError, OSError) as error:
        _log.warning("the power-fail line cannot be read: %s", error)
        return True


def wait_while(failing: Callable[[], bool], longest_s: float) -> bool:
    """Wait until it no longer fails; False where it still does after `longest_s`."""
    until_s = time.monotonic() + longest_s
    while failing():
        if time.monotonic() >= until_s:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True
