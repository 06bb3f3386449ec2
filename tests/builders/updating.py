"""Owns a box that can be updated: everything but RAUC, U-Boot and the restart is the product's."""

from __future__ import annotations

import os
from threading import Event
from typing import TYPE_CHECKING, Any

from appliance.box.board import Slot
from appliance.box.bootenv import BootEnv
from appliance.box.engaged import Engaged
from appliance.box.incoming import Incoming
from appliance.box.updates import Machine, Updates
from appliance.call import Handing
from tests.fakes.clock import FakeClock
from tests.fakes.rauc import FakeRauc

if TYPE_CHECKING:
    from pathlib import Path


BUILD = 400_000_000_010


class Bench:
    """A box in slot A that keeps a journal of schema 4, and runs BUILD."""

    def __init__(self, root: Path, rauc: FakeRauc | None = None, slot: Slot | None = Slot.A):
        self.root = root
        self.rauc = rauc or FakeRauc()
        self.engaged = Engaged()
        self.restarted = Event()
        self.left = {Slot.A: 9, Slot.B: 9}
        machine = Machine(
            place=root / "box",
            slot=slot,
            version="0.4.0",
            build=BUILD,
            kept_schema=lambda: 4,
            remembered=lambda: BootEnv((Slot.A, Slot.B), self.left),
            restart=self.restarted.set,
            start="first",
        )
        incoming = Incoming(root / "box" / "incoming")
        self.updates = Updates(machine, self.rauc, incoming, FakeClock(), self.engaged)

    def ask(self, op: str, **request: object) -> Any:
        return self.updates.operations[op](request)

    def upload(self, content: bytes) -> None:
        answer = self.ask("update-chunk", at=0, total=len(content))
        assert isinstance(answer, Handing)
        with os.fdopen(answer.fd, "wb") as file:
            file.write(content)

    def install(self, content: bytes, **request: object) -> None:
        self.upload(content)
        self.ask("update-install", name="u.raucb", **request)
        self.wait()

    def wait(self) -> None:
        while self.engaged or self.updates.status()["doing"]:
            pass

    @property
    def last(self) -> dict[str, Any]:
        last = self.updates.status()["last"]
        assert last
        return dict(last)

    @property
    def of_the_stick(self) -> str | None:
        """The code why nothing was installed from the stick that was plugged in last."""
        why = self.updates.status()["stick"]
        return why["code"] if why else None
