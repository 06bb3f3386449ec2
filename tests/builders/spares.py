"""Owns an old box with work to do, an empty spare, and the stick between them."""

from __future__ import annotations

import shutil
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.box import handover, parcel, takeover
from appliance.box.handover import Machine
from appliance.box.sealed import Key, Opener
from appliance.clock import SystemClock
from appliance.journal.journal import Journal
from appliance.journal.session import Paths
from appliance.journal.worker import Worker
from appliance.model import ItemState
from appliance.settings import access, history
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.journal.charge import Charge

PASSPHRASE = "ACDEF-GHJKL-MNPQR"
SALT = bytes(16)
SETTINGS = '[box]\nname = "CR room 2"\n'


def quick_key() -> Key:
    """A key that costs nothing to derive; never of use outside tests."""
    return derived(PASSPHRASE, passes=1, memory_kib=8)


def derived(passphrase: str, passes: int, memory_kib: int) -> Key:
    from appliance.box import sealed  # noqa: PLC0415

    secret = sealed._derived(passphrase, SALT, passes, memory_kib)  # noqa: SLF001
    return Key(secret, SALT, passes, memory_kib)


ALL = {f"{state}.tif": str(state) for state in ItemState}
"""What a room's old box has at first: names and states."""


@dataclass(frozen=True)
class Room:
    """The two boxes and the stick, below one folder."""

    top: Path

    @property
    def stick(self) -> Path:
        return self.top / "stick" / "handover"

    def machine(self, name: str) -> Machine:
        paths = Paths(self.top / name, self.top / name / "run")
        return Machine(paths, f"name of {name}", SystemClock(), pause=lambda _: None)

    @contextmanager
    def journal(self, name: str) -> Iterator[Journal]:
        machine = self.machine(name)
        worker = Worker(machine.paths.run, "test")
        with closing(Journal(machine.paths, worker, machine.clock)) as journal:
            yield journal
        worker.retire()

    def hand_over(self) -> parcel.Label:
        return handover.hand_over(self.machine("old"), self.stick, quick_key())

    def take_over(self, name: str = "spare", passphrase: str = PASSPHRASE) -> None:
        takeover.take_over(self.machine(name), self.stick, passphrase)
        self.restart(name)

    def restart(self, name: str) -> None:
        """What every start of a box does first."""
        takeover.carry_out(self.machine(name).paths)
        with self.journal(name) as journal:
            journal.charge.settle()

    def works(self, name: str) -> bool:
        """Whether that box takes in and sends."""
        paths = self.machine(name).paths
        with self.journal(name) as journal:
            return journal.charge.is_here() and not paths.plan.exists()

    def state(self, name: str) -> Charge:
        with self.journal(name) as journal:
            return journal.charge.standing().state

    def lacking(self, name: str) -> int:
        """How many stored files it knows it did not hand over."""
        with self.journal(name) as journal:
            return journal.charge.standing().lacking

    def other(self, name: str) -> str:
        """Which box it knows on the other side."""
        with self.journal(name) as journal:
            return journal.charge.standing().other

    def spooled(self, name: str) -> Path:
        """Where the bytes of a film of the old box lie."""
        with self.journal("old") as journal:
            films = journal.ledger.films("", "", "9", 99)
            (sha256,) = [row["sha256"] for row in films if row["name"] == name]
            return journal.spool.path(sha256)

    def items(self, name: str) -> dict[str, str]:
        """Names and states of all that a box knows; every byte of it must be there."""
        with self.journal(name) as journal:
            assert journal.custody.verify() == []
            return {row["name"]: row["state"] for row in journal.ledger.films("", "", "9", 99)}


def room(top: Path) -> Room:
    """An old box with an item at every state, an empty spare, an empty stick."""
    old = top / "old"
    access.prepare(old)
    history.publish(old, SETTINGS)
    (old / "box" / "tls").mkdir(parents=True)
    (old / "box" / "tls" / "page.pem").write_text("certificate")
    (old / "box" / "network.toml").write_text('address = "10.0.0.7/24"\n')
    (old / "box" / "rauc.status").write_text("of this card only")
    box = Box(old)
    box.one_of_each()
    box.close()
    spare = top / "spare"
    access.prepare(spare)
    history.publish(spare, '[box]\nname = "Spare"\n')
    history.publish(spare, '[box]\nname = "Spare 2"\n')
    Box(spare).close()
    (top / "stick").mkdir()
    return Room(top)


def copied(template: Room, top: Path) -> Room:
    """The same again, quicker than made anew."""
    shutil.copytree(template.top, top, symlinks=True)
    return Room(top)


__all__ = ["PASSPHRASE", "SETTINGS", "Opener", "Room", "copied", "parcel", "quick_key", "room"]
