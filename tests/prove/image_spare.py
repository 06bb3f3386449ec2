"""Proves that another box goes on where one stopped: a spare by the stick that the old one wrote,
and a new card by the backup on a stick; all by their pages, with images that no PACS had.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.prove.guest_media import labelled_stick
from tests.prove.image_page import GONE
from tests.prove.image_rig import BOOT_S, claim_code, claimed
from tests.prove.image_update import queued, same_again, state, waiting
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.prove.image_machine import Appliance
    from tests.prove.image_rig import Rig
    from tests.prove.image_update import State

_PAGE = "/settings/service"
_WORDS = "five words make one pass"
_SPARE, _BACKUP = "JEMBATAN-SP", "JEMBATAN-BA"
_WORK_S = 600


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    old, hospital, _ = rig.ready()
    spare, third = rig.new("spare"), rig.new("third")
    for each in (spare, third):
        each.ports, each.page = old.ports, old.page  # one after the other at the same cable
    try:
        with waiting(rig):
            before = state(old)
            stick = _hand_over(rig, old)
        with spare:
            _take_over(rig, spare, stick, before)
            hospital.appliance = spare
            hospital.pacs.come()
            hospital.reckon()
            queued(hospital)
            before = state(spare)
            backup = _back_up(rig, spare)
        with third:
            _go_on_from(rig, third, backup, before)
            hospital.appliance = third
            hospital.pacs.come()
            hospital.reckon()
        _old_box_knows(rig, old, stick)
        hospital.reckon()
    finally:
        hospital.appliance = old
    return (
        f"{len(hospital.films)} exports, half of them on the way when the box was exchanged, half "
        "when its card was: all at the PACS, whole and once"
    )


def _hand_over(rig: Rig, old: Appliance) -> Path:
    stick = labelled_stick(rig.folder("stick") / "spare.img", _SPARE)
    old.plug_stick("stick", stick)
    _says(old, "I have written it down")
    took = _done(old, "export", "This box has handed over", passphrase=_WORDS)
    rig.say(f"handed over to the stick in {took:.0f} s")
    old.pull("stick")
    return stick


def _take_over(rig: Rig, spare: Appliance, stick: Path, before: State) -> None:
    started = time.monotonic()
    _new_box(spare)
    rig.say(f"the spare: switched on and claimed in {time.monotonic() - started:.0f} s")
    spare.plug_stick("stick", stick)
    _says(spare, "This box is empty and can take its place")
    _done(spare, "import", "You can pull the stick", purpose="handover", passphrase=_WORDS)
    spare.pull("stick")
    _starts_as(spare, before, "as the spare")
    rig.say(f"at work in the old one's place {time.monotonic() - started:.0f} s after its start")


def _back_up(rig: Rig, box: Appliance) -> Path:
    stick = labelled_stick(rig.folder("stick") / "backup.img", _BACKUP)
    box.plug_stick("stick", stick)
    _says(box, "Back up from now on")
    box.page.must(f"{_PAGE}/passphrase", _PAGE, passphrase=_WORDS)
    took = _done(box, "backup", "The last one was written")
    rig.say(f"a backup was written in {took:.0f} s")
    return stick


def _go_on_from(rig: Rig, box: Appliance, stick: Path, before: State) -> None:
    started = time.monotonic()
    _new_box(box)
    box.plug_stick("stick", stick)
    _says(box, "A stick with a backup is in, and this box is empty")
    number = box.page.get(_PAGE).text.split('name="which" value="')[1].split('"')[0]
    chosen = {"purpose": "backup", "which": number, "old_is_off": "on", "passphrase": _WORDS}
    _done(box, "import", "You can pull the stick", **chosen)
    box.pull("stick")
    _starts_as(box, before, "from the backup")
    rig.say(
        f"a new card goes on from the backup {time.monotonic() - started:.0f} s after its start"
    )


def _old_box_knows(rig: Rig, old: Appliance, stick: Path) -> None:
    """Switched on again, it works no more; with its stick it knows who does."""
    with old:
        old.start()
        old.page.wait(BOOT_S)
        old.page.log_in()
        _says(old, "no other box has read the stick yet")
        old.plug_stick("stick", stick)
        rig.say(f"the old box, started again: {_says(old, 'is at work. This box takes nothing')}")


def _new_box(box: Appliance) -> None:
    box.start()
    box.page.wait(BOOT_S)
    claimed(box, claim_code(box))


def _starts_as(box: Appliance, before: State, when: str) -> None:
    """It starts again, and is the one that was there before."""
    box.page.must(f"{_PAGE}/restart", _PAGE)
    wait_for("the page away", lambda: box.page.answers() == 0, _WORK_S, 0.2)
    box.page.wait(BOOT_S)
    box.page.log_in()
    same_again(box, before, when)


def _done(box: Appliance, verb: str, words: str, **fields: str | Sequence[str]) -> float:
    """Ask for it on the page, and wait until that says it is done; the seconds."""
    started = time.monotonic()
    box.page.must(f"{_PAGE}/{verb}", _PAGE, **fields)
    _says(box, words)
    return time.monotonic() - started


def _says(box: Appliance, words: str) -> str:
    """What the page of the service says, once these words are in it."""
    said = ""

    def is_said() -> bool:
        nonlocal said
        with suppress(*GONE):
            said = box.page.get(_PAGE).words
        return words in said

    try:
        wait_for(words, is_said, _WORK_S, 1)
    except NotProved as reason:
        box.fail(f"{reason}: it says {said[:1500]}")
    return said[:300]
