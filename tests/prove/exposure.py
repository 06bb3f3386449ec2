"""Owns how exposed each unit may be, by systemd's own measure, and that none is malformed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.prove.machine import Machine

UNITS = "/usr/lib/systemd/system/"
WORST = 1.6
WORST_OF = {
    # Root, each for one thing; what they may is said in their drop-ins.
    "jembatan-devices.service": 2.5,  # mounts
    "jembatan-network.service": 2.4,  # addresses and the firewall
    "jembatan-wifi.service": 2.2,
    "jembatan-8021x.service": 1.9,
    "jembatan-health.service": 1.9,  # starts the box again
    "jembatan-slot.service": 1.7,  # writes to the boot partition
    "jembatan-locked.service": 1.7,
    "jembatan-steward.service": 3.6,  # all of that together, and there only while asked
    # What they mount must be seen by all: nothing that gives them a view of their own.
    "jembatan-start.service": 5.5,
    "jembatan-unlock.service": 3.8,
    # Debian's, which becomes another user by itself.
    "dbus.service": 1.8,
}
"""Who may be worse."""


def units_are_clean(machine: Machine, say: Callable[[str], None]) -> None:
    """`systemd-analyze verify` has nothing to say about what we install."""
    units = machine.path(UNITS)
    found = {*units.glob("jembatan*.*[!d]"), *units.glob("box-*.*[!d]")}
    files = sorted(UNITS + file.name for file in found)
    complaints = machine.run("systemd-analyze", "verify", *files)
    if complaints:
        raise NotProved(complaints)
    say(f"systemd-analyze verify: {len(files)} units, no complaint")


def sandboxes_are_tight(machine: Machine, say: Callable[[str], None]) -> None:
    """No service is more exposed than we promise."""
    units = machine.path(UNITS)
    ours = {*units.glob("jembatan-*.service"), *units.glob("box-*.service")}
    for name in (*sorted(file.name for file in ours), "dbus.service"):
        verdict = machine.run("systemd-analyze", "security", "--no-pager", name)
        exposure = float(re.findall(r"exposure level .*: ([\d.]+)", verdict)[0])
        say(f"systemd-analyze security {name}: {exposure}")
        if exposure > WORST_OF.get(name, WORST):
            raise NotProved(verdict)
