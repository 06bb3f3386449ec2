"""Proves what may be erased. The password, by a file on the card: it alone is forgotten. All, by
the factory reset: refused while a study is on its way, and said so; done once all are delivered,
and then the box is new: another claim code, another certificate, nothing of before.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from appliance.box import erasing
from tests.prove.image_page import GONE
from tests.prove.image_rig import BOOT_S, claim_code, no_claim_code
from tests.prove.image_update import same_again, state, waiting
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from tests.prove.image_hospital import Hospital
    from tests.prove.image_machine import Appliance
    from tests.prove.image_rig import Rig

_PAGE = "/settings/reset"
_WORDS = "erase this box"
_FORM = "/settings/box"
"""Where there is a token in any case: the page of the reset has no form while it is barred."""
_CONFIRMED_S = 300


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    with waiting(rig) as (appliance, hospital):
        codes = {rig.code, _claimed_again(rig, appliance)}
        _is_refused(rig, hospital)
        hospital.pacs.come()
        hospital.reckon()
        _wait_until_confirmed(hospital)
        before = appliance.page.certificate()
        appliance.page.must(_PAGE, words=_WORDS)
        _wait_until_new(rig, hospital, before)
        code = claim_code(appliance)
        if code in codes:
            appliance.fail("after the reset the claim code is the one from before")
        appliance.page.claim(code)
        if found := appliance.page.status()["items"]:
            appliance.fail(f"after the reset the box still has {found}")
    return (
        "a password erased, the rest as it was; a reset refused with studies on their way, done"
        " without any, and the box was new"
    )


def _claimed_again(rig: Rig, appliance: Appliance) -> str:
    """By who has its card and no password, with studies on their way; the other claim code."""
    before = state(appliance)
    appliance.cut()
    appliance.card.write(erasing.NAME, erasing.Wish.PASSWORD.encode())
    appliance.start()
    appliance.page.wait(BOOT_S)
    if "Make it yours" not in (shown := appliance.page.get("/settings").words):
        appliance.fail(f"without its password the box is not to be claimed: {shown[:300]}")
    code = claim_code(appliance)
    if code == rig.code:
        appliance.fail("without its password the box has the claim code from before")
    appliance.page.claim(code)
    no_claim_code(appliance)
    if appliance.card.read(erasing.NAME) is not None:
        appliance.fail(f"{erasing.NAME} is still on the card")
    same_again(appliance, before, "without its password")
    rig.say("the password was erased and the box claimed again, with all it had")
    return code


def _is_refused(rig: Rig, hospital: Hospital) -> None:
    page = hospital.appliance.page
    shown = page.get(_PAGE).words
    answer = page.post(_PAGE, _FORM, words=_WORDS)
    if "cannot be reset now" not in shown or answer.status != 422:
        hospital.fail(f"the reset was not refused: {answer.status} {answer.words[:300]}")
    page.status()
    rig.say(f"refused: {answer.words[:200]}")


def _wait_until_confirmed(hospital: Hospital) -> None:
    page = hospital.appliance.page

    def is_free() -> bool:
        return "cannot be reset now" not in page.get(_PAGE).words

    try:
        wait_for("nothing unsent", is_free, _CONFIRMED_S, 2)
    except NotProved as reason:
        hospital.fail(f"{reason}: {page.get(_PAGE).words[:500]}")


def _wait_until_new(rig: Rig, hospital: Hospital, before: str) -> None:
    page = hospital.appliance.page

    def is_new() -> bool:
        with suppress(*GONE):
            return page.certificate() != before and page.answers() == 200
        return False

    try:
        wait_for("a new box", is_new, 2 * BOOT_S, 2)
    except NotProved as reason:
        hospital.fail(str(reason))
    rig.say("after the reset: another certificate, to be claimed")
