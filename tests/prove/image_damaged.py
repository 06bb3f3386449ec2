"""Proves what becomes of a damaged card. Broken encryption is left as it is, told on the page and
in `jembatan-result.txt`, and the card is never taken for a new one; where the kernel finds the
file system damaged, at work or at the start, the page says so, and the next start repairs it.
So does every start with the first partition.
"""

from __future__ import annotations

import time
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from tests.prove.image_foreign import wait_until_locked
from tests.prove.image_page import GONE
from tests.prove.image_rig import BOOT_S, RESULT
from tests.prove.image_update import same_again, state, waiting
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from tests.prove.image_machine import Appliance
    from tests.prove.image_rig import Rig
    from tests.prove.image_update import State

_DATA = 7
_HEADER_BYTES = 16 << 20
"""Of LUKS2, both copies and the key slots."""
_SAYS = "cannot be opened"
_GAVE_OUT = "found damaged while the box was at work"
_REPAIRED = "was damaged and has been repaired"
_BACK_S = 15
_BREAK = """
until mountpoint -q /data; do sleep 0.2; done
device=$(basename $(readlink /sys/dev/block/$(mountpoint -d /data)))
echo proof >/sys/fs/ext4/$device/trigger_fs_error
"""
"""ext4's own switch for it (Documentation/ABI/testing/sysfs-fs-ext4)."""


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    with waiting(rig) as (appliance, _):
        appliance.cut()
        _without_header(rig, appliance)
    with waiting(rig) as (appliance, hospital):
        before = state(appliance)
        _is_only_watched(appliance)
        _gives_out(rig, appliance, "at work")
        _repaired(appliance, before)
        appliance.cut()
        _is_left_open(appliance)
        appliance.start()
        _gives_out(rig, appliance, "at the start")
        _repaired(appliance, before)
        hospital.pacs.come()
        hospital.reckon()
        appliance.cut()
        if faults := appliance.card.fat_faults():
            appliance.fail(f"the first partition was not put right: {faults}")
    return (
        "damaged cards: told on the page; encryption left as it is, a file system repaired by the"
        " next start, all that waited on it sent once; a first partition left open put right"
    )


def _without_header(rig: Rig, appliance: Appliance) -> None:
    card = appliance.card
    whole = card.part(_DATA)
    card.overwrite(whole, bytes(_HEADER_BYTES))
    before = card.digest(whole)
    appliance.start()
    said = wait_until_locked(appliance)
    rig.say(f"without its encryption header: {said[:300]}")
    if _SAYS not in said or "Nothing on it was erased" not in said:
        appliance.fail(f"the page does not say what is wrong: {said[:600]}")
    appliance.cut()
    told = (card.read(RESULT) or b"").decode(errors="replace")
    if _SAYS not in told:
        appliance.fail(f"{RESULT} does not say what is wrong: {told}")
    if card.part(_DATA) != whole or card.digest(whole) != before:
        appliance.fail("the box wrote to a card that it could not open")


def _is_only_watched(appliance: Appliance) -> None:
    """What watches the card may end as it likes: no box stops work because of that."""
    appliance.hand.run("systemctl", "kill", "-s", "KILL", "box-card.service")
    time.sleep(_BACK_S)
    for unit in ("box-card.service", "jembatan.target"):
        appliance.hand.run("systemctl", "is-active", unit)
    if appliance.page.answers() != HTTPStatus.OK:
        appliance.fail("a watcher of the card that was killed stopped the box")


def _is_left_open(appliance: Appliance) -> None:
    """The first partition, as by a plug pulled while it was written."""
    appliance.card.leave_open()
    if not appliance.card.fat_faults():
        appliance.fail("a first partition left open is not told from one in order")


def _gives_out(rig: Rig, appliance: Appliance, when: str) -> None:
    """Until the page says so."""
    appliance.hand.run("sh", "-c", _BREAK, seconds=BOOT_S)
    broken = time.monotonic()

    def is_said() -> bool:
        with suppress(*GONE):
            return _GAVE_OUT in appliance.page.get("/").words
        return False

    try:
        wait_for("the page that says so", is_said, BOOT_S, 1)
    except NotProved as reason:
        appliance.fail(f"a file system that is damaged {when}: {reason}")
    rig.say(f"a file system found damaged {when}: told after {time.monotonic() - broken:.0f} s")


def _repaired(appliance: Appliance, before: State) -> None:
    """By pulling the plug and putting it in again."""
    appliance.cut()
    appliance.start()
    appliance.page.wait(BOOT_S)
    appliance.page.log_in()
    same_again(appliance, before, "repaired")
    if _REPAIRED not in (said := appliance.page.get("/").words):
        appliance.fail(f"the page does not say that the card was repaired: {said[:600]}")
