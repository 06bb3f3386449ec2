"""Proves that a start says nothing on the serial lines of the board, where a modality listens,
with the trees as the firmware hands them over: here no console is added.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.prove.image_forced import take_console
from tests.prove.image_rig import BOOT_S
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from tests.prove.image_rig import Rig


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    if rig.board.as_flashed is None:
        message = f"the serial line of {rig.board.name} is a console"
        raise NotProved(message)
    appliance = rig.new("silent")
    appliance.board = replace(rig.board, firmware=rig.board.as_flashed)
    take_console(appliance.card)
    with appliance:
        started = time.monotonic()
        appliance.start()
        appliance.page.wait(BOOT_S)
        seconds = time.monotonic() - started
        if said := appliance.console().strip():
            appliance.fail(f"{len(said)} characters on a modality's lines")
    return f"up to the page after {seconds:.0f} s not one character on {rig.board.consoles} lines"
