"""Proves what the booted box does for itself: it tells the card which blocks are free, has a log
that cannot grow for ever, and is started anew where systemd itself stands still.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from tests.prove.image_inside import reads
from tests.prove.image_rig import BOOT_S
from tests.prove.image_update import begun
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.prove.guest_hand import Hand
    from tests.prove.image_machine import Appliance
    from tests.prove.image_rig import Rig

_LOG_CAP = "max 64M"
_TRIMMED = re.compile(r"^/data: .*\((\d+) bytes\) trimmed", re.MULTILINE)
_FREEZE = "echo 1 > /sys/fs/cgroup/init.scope/cgroup.freeze"
"""systemd alone: all else goes on."""
_RESET_S = 240


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    appliance, _, moment = rig.ready()
    with appliance:
        appliance.go_on(moment)
        faults = [*_trims(rig, appliance.hand), *_caps_its_log(rig, appliance.hand)]
        if faults:
            appliance.fail(*faults)
        _is_guarded(rig, appliance)
    return "free blocks told to the card, a log with an end, and a watchdog that bites"


def _trims(rig: Rig, hand: Hand) -> Iterator[str]:
    """Debian's own unit with the box's words in it; that it comes by itself is its timer's."""
    hand.run("systemctl", "start", "fstrim.service", seconds=280)
    said = reads(hand, "journalctl", "--boot", "--unit=fstrim.service", "--output=cat")
    found = _TRIMMED.search(said)
    if not found or not int(found[1]):
        yield f"fstrim did not trim /data: {said}"
    due = reads(hand, "systemctl", "list-timers", "--no-legend", "fstrim.timer")
    rig.say(f"fstrim: {found[0] if found else said}; due: {' '.join(due.split())}")
    if not due or due.startswith("-"):
        yield f"fstrim is not due: {due!r}"


def _caps_its_log(rig: Rig, hand: Hand) -> Iterator[str]:
    """As journald counts it."""
    said = reads(hand, "journalctl", "--unit=systemd-journald", "--output=cat")
    kept = [line for line in said.splitlines() if line.startswith("System Journal (")]
    rig.say(f"the log: {kept[-1] if kept else said}")
    if not kept or _LOG_CAP not in kept[-1]:
        yield f"the log has not {_LOG_CAP}: {said}"


def _is_guarded(rig: Rig, appliance: Appliance) -> None:
    before = len(begun(appliance))
    started = time.monotonic()
    appliance.hand.run("sh", "-c", _FREEZE)
    try:
        wait_for("a reset", lambda: len(begun(appliance)) > before, _RESET_S, 1)
    except NotProved as reason:
        appliance.fail(f"systemd stands still, and nobody minds: {reason}")
    reset = time.monotonic() - started
    appliance.page.wait(BOOT_S)
    seconds = time.monotonic() - started
    rig.say(f"systemd stood still: reset after {reset:.0f} s, the page after {seconds:.0f} s")
