"""Proves what becomes of a damaged card. Broken encryption is left as it is, told on the page and
in `jembatan-result.txt`, and the card is never taken for a new one; a broken file system is
repaired by a start that the box makes itself, and told where that does not last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.prove.image_foreign import wait_until_locked
from tests.prove.image_rig import BOOT_S, RESULT
from tests.prove.image_update import begun, same_again, state, waiting
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from tests.prove.image_machine import Appliance
    from tests.prove.image_rig import Rig

_DATA = 7
_HEADER_BYTES = 16 << 20
"""Of LUKS2, both copies and the key slots."""
_SAYS = "cannot be opened"
_REPAIRED = "was damaged and has been repaired"
_BREAK = """
until mountpoint -q /data; do sleep 0.2; done
for each in /sys/fs/ext4/*/trigger_fs_error; do echo proof >"$each"; done
"""


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    with waiting(rig) as (appliance, _):
        appliance.cut()
        _without_header(rig, appliance)
    with waiting(rig) as (appliance, hospital):
        before = state(appliance)
        appliance.cut()
        _starts_and_breaks(appliance)
        appliance.page.wait(BOOT_S)
        appliance.page.log_in()
        same_again(appliance, before, "repaired")
        if _REPAIRED not in (said := appliance.page.get("/").words):
            appliance.fail(f"the page does not say that the card was repaired: {said[:600]}")
        rig.say("a damaged file system: the box started again by itself, repaired it, and goes on")
        hospital.pacs.come()
        hospital.reckon()
        _lasts_not(rig, appliance)
    return (
        "damaged cards: told on the page; encryption left as it is, the file system repaired once"
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


def _lasts_not(rig: Rig, appliance: Appliance) -> None:
    """Damaged before it is well, repaired by the next start, and damaged there again."""
    appliance.cut()
    _starts_and_breaks(appliance)
    _breaks(appliance)
    said = wait_until_locked(appliance)
    if _SAYS not in said:
        appliance.fail(f"the page does not say that the damage came back: {said[:600]}")
    rig.say(f"damaged again after that: {said[:200]}")


def _starts_and_breaks(appliance: Appliance) -> None:
    """Until it has started again by itself because of that."""
    appliance.start()
    _breaks(appliance)
    try:
        wait_for("a start of its own", lambda: len(begun(appliance)) > 1, BOOT_S, 1)
    except NotProved as reason:
        appliance.fail(str(reason))
    appliance.started_again()


def _breaks(appliance: Appliance) -> None:
    """As soon as the data is there its file system is found damaged (ext4's own switch for it)."""
    appliance.hand.run("sh", "-c", _BREAK, seconds=BOOT_S)
