"""Owns what a Raspberry Pi's firmware does to a device tree before anything else runs: it says
which board it is, and applies the overlays. QEMU's raspi3b has no firmware stage.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.prove.guest_image import run

if TYPE_CHECKING:
    from pathlib import Path

_REVISION = "a02082"
"""A Pi 3B of 1 GB."""
_CONSOLE = "/soc/serial@7e215040"
"""A second line, which image and overlay keep off."""


def handed_over(source: Path, target: Path, overlay: Path) -> None:
    """Make the tree that it hands over: the board's revision in it, the overlay applied."""
    shutil.copy(source, target)
    run("fdtput", "-c", target, "/system")
    run("fdtput", "-t", "x", target, "/system", "linux,revision", _REVISION)
    run("fdtoverlay", "-i", target, "-o", target, overlay)


def add_console(tree: Path) -> None:
    """The second serial line is there, on no pins of the board, for Linux; U-Boot takes none that
    is on no pins.
    """
    run("fdtput", "-t", "s", tree, _CONSOLE, "status", "okay")
    run("fdtput", "-d", tree, _CONSOLE, "pinctrl-names", "pinctrl-0")
