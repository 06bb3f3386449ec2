"""Proves that a card belongs to its board: in another one it shows a page that says so and nothing
else, and opens there with the recovery key that was shown at the claim, with all that waits on it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tests.prove.image_page import GONE
from tests.prove.image_rig import BOOT_S
from tests.prove.image_update import same_again, state, waiting
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from tests.prove.image_machine import Appliance
    from tests.prove.image_rig import Rig

_SERIAL = "board.txt"
"""Where a virtual machine without a serial of its own keeps one: another one is another board."""
_WRONG = "-".join(["000000"] * 5)


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    with waiting(rig) as (appliance, hospital):
        before = state(appliance)
        appliance.cut()
        serial = appliance.card.read(_SERIAL)
        if not serial:
            message = f"there is no {_SERIAL} on the card"
            raise NotProved(message)
        appliance.card.write(_SERIAL, serial[::-1])
        appliance.start()
        said = wait_until_locked(appliance)
        rig.say(f"in another board: {said[:200]}")
        _opens(rig, appliance)
        same_again(appliance, before, "in another board")
        hospital.pacs.come()
        hospital.reckon()
    return "a card in another board shows nothing; the recovery key opens it, and all goes on"


def wait_until_locked(appliance: Appliance) -> str:
    """Until its page is there; what that says, which is nothing of what is on the card."""
    page = appliance.page

    def words() -> str:
        with suppress(*GONE):
            return page.get("/").words
        return ""

    try:
        said = wait_for("a page", words, BOOT_S, 2)
    except NotProved as reason:
        appliance.fail(str(reason))
    if page.answers() == 200 or page.get("/api/v1/status").status == 200:
        appliance.fail(f"the card opened in another board: {said[:300]}")
    return said


def _opens(rig: Rig, appliance: Appliance) -> None:
    page = appliance.page
    answer = page.post("/", key=_WRONG)
    rig.say(f"with a wrong key: {answer.words[:200]}")
    if page.answers() == 200:
        appliance.fail("a wrong recovery key opened the card")
    page.post("/", key=rig.recovery_key)
    page.wait(BOOT_S)
    page.log_in()
