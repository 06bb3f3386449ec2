"""Owns that U-Boot finds no serial line in the device trees that a board's firmware hands to it.

With `enable_uart=0` the firmware leaves the lines without clock and rate, and U-Boot waits for
ever for room in what never drains: it takes the line that `stdout-path` names, even one that is
disabled, or else any that is enabled (drivers/serial/serial-uclass.c). With none it goes on in
silence, as the boards' U-Boot is built without REQUIRE_SERIAL_CONSOLE. boot.cmd gives Linux its
line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild import devicetree
from imagebuild.errors import NotBuilt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagebuild.card import Tools

RS232 = "/soc/serial@7e201000"
"""What boot.cmd gives to Linux, and the overlay to the pins of the plug."""


def silence(tools: Tools, tree: Path) -> None:
    """Change a .dtb file so. Raises NotBuilt where the line of the plug is not in it."""
    lines = list(_serial_lines(tree.read_bytes()))
    if RS232 not in lines:
        raise NotBuilt(why=f"{tree.name} has no {RS232}, which boot.cmd gives to Linux")
    for line in lines:
        tools.run("fdtput", "-t", "s", tree, line, "status", "disabled")
    tools.run("fdtput", "-t", "s", tree, "/chosen", "stdout-path", "")


def _serial_lines(tree: bytes) -> Iterator[str]:
    for node, *above in devicetree.read(tree).chains():
        if node.name.startswith("serial@"):
            yield "/".join((*(outer.name for outer in reversed(above)), node.name))
