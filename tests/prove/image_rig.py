"""Owns what the parts of the proof start from: the built image of one board, a new card with it,
and an appliance that is claimed and set up, to go on from again and again.
"""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

from tests.prove.image_card import Card
from tests.prove.image_forced import force
from tests.prove.image_hospital import Hospital
from tests.prove.image_machine import Appliance
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.prove.image_built import Built
    from tests.prove.image_machine import Board, Moment
    from tests.prove.image_report import Report

CARD_GIB = 8
BOOT_S = 600
"""How long a boot may take before it counts as none; what it should take is the boot part's."""

_CODE = re.compile(r"claim code: *([A-Z0-9]{5}-[A-Z0-9]{5})", re.IGNORECASE)
_KEY = re.compile(r'<p class="key">(.*?)</p>', re.DOTALL)
_GROUP = re.compile(r"<span>([^<]+)</span>")
_CODE_S = 240
_LOOK_S = 300
"""systemd/jembatan-network.timer"""
RESULT = "jembatan-result.txt"


class Rig:
    """One board under proof."""

    def __init__(
        self, built: Built, folder: Path, report: Report, rounds: int | None = None
    ) -> None:
        self.built = built
        self.report = report
        self.rounds = rounds
        self.code = ""
        """The claim code of the one that is ready."""
        self.recovery_key = ""
        """What opens its card in another board."""
        self._folder = folder
        self._numbers = count(1)
        self._ready: tuple[Appliance, Hospital, Moment] | None = None

    @property
    def board(self) -> Board:
        """What the image is started on."""
        return self.built.board

    def say(self, line: str) -> None:
        """One finding."""
        self.report.say(line)

    def folder(self, name: str) -> Path:
        """A new one."""
        path = self._folder / f"{name}{next(self._numbers)}"
        path.mkdir(parents=True)
        return path

    def new(self, name: str, *, hand: bool = False, card: Card | None = None) -> Appliance:
        """A board with a card of its own, as flashed; it has no power yet."""
        folder = self.folder(name)
        card = card or self.flashed(folder, hand=hand)
        return Appliance(self.board, folder, card, hand=hand)

    def flashed(self, folder: Path, *, hand: bool = False) -> Card:
        """A new card with the image on it, changed only where the emulator forces that."""
        card = Card.flashed(self.built.image, folder / "card.qcow2", CARD_GIB)
        if self.board.name == "rpi":
            self.say(f"on a copy of the image, because of raspi3b: {force(card, hand=hand)}")
        return card

    def ready(self) -> tuple[Appliance, Hospital, Moment]:
        """An appliance that is claimed and set up, with a hand; and the moment it was so."""
        if not self._ready:
            appliance = self.new("ready", hand=True)
            hospital = Hospital(self.folder("hospital"), appliance)
            hospital.__enter__()
            appliance.start()
            appliance.page.wait(BOOT_S)
            self.code = claim_code(appliance)
            self.recovery_key = claimed(appliance, self.code)
            hospital.set_up()
            self._ready = (appliance, hospital, appliance.keep("ready"))
        return self._ready

    def close(self) -> None:
        """Nothing of it runs any more."""
        if self._ready:
            appliance, hospital, _ = self._ready
            appliance.cut()
            hospital.__exit__()


def claimed(appliance: Appliance, code: str) -> str:
    """Claim it, as a person does who writes down the recovery key; returns that."""
    shown = appliance.page.claim(code).text
    found = _KEY.search(shown)
    if not found:
        message = f"no recovery key is shown after the claim: {shown[:600]}"
        raise NotProved(message)
    appliance.page.must("/recovery-key", taken="yes")
    return "-".join(_GROUP.findall(found[1]))


def claim_code(appliance: Appliance) -> str:
    """As a person with the card finds it: in the text that the box writes on it."""
    try:
        return wait_for("a claim code", lambda: _code(appliance), _CODE_S, 2)
    except NotProved as reason:
        message = f"{reason}: {RESULT} says {appliance.card.read(RESULT)!r}"
        raise NotProved(message) from reason


def no_claim_code(appliance: Appliance) -> None:
    """Nor is one told for long to a person with the card, once the box is claimed."""
    wait_for("no claim code on the card", lambda: not _code(appliance), _CODE_S + _LOOK_S, 2)


def _code(appliance: Appliance) -> str:
    found = _CODE.search((appliance.card.read(RESULT) or b"").decode(errors="replace"))
    return found[1] if found else ""
