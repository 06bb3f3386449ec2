"""Owns the box as a stick, from the host's writes to the journal.

The FAT images are real, and the helper's half behind its socket; kernel and host are played.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from appliance.board.drive.client import Drive
from appliance.board.drive.gadget import Gadget
from appliance.board.drive.helper import Drives
from appliance.board.mount import SOCKET
from appliance.call import Server
from appliance.intake.accept import Intake
from appliance.model import ConfirmedBy, ItemState
from appliance.settings.links import DriveLink
from appliance.sources.media.drive import DriveSource
from tests.builders.box import Box
from tests.builders.fat import Host, Unpacker
from tests.fakes.configfs import FakeConfigfs

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.settings.schema import Profile

QUIET_S = 10.0


def png(shade: int = 0) -> bytes:
    content = BytesIO()
    Image.effect_noise((64, 64), 50 + shade).save(content, "PNG")
    return content.getvalue()


class Posing:
    """A drive source turned by hand; time passes as it asks for it."""

    def __init__(self, root: Path, profile: Profile | None = None) -> None:
        self.root = root
        self.profile = profile
        self.box = Box(root / "box")
        self.link = DriveLink(name="cr", size_gib=1, quiet_s=QUIET_S)
        self.configfs = FakeConfigfs(root)
        self.configfs.host_comes()
        self.serves()
        self.watches()
        self.runs(1)

    def serves(self) -> None:
        """The privileged helper comes up."""
        gadget = Gadget(self.configfs, self.configfs.controllers)
        self.drives = Drives(
            self.root / "drive",
            lambda: [self.link],
            gadget,
            Unpacker(self.root / "views"),
            "10000000ABCDEF01",
            lambda _: None,
        )
        self.server = Server(self.box.paths.run / SOCKET, self.drives.operations)
        self.server.start()

    def watches(self) -> None:
        """The watch service comes up."""
        journal = self.box.journal
        drive = Drive(self.box.paths.run, "cr")
        self.source = DriveSource(
            self.link, self.profile, journal, Intake(journal), self.box.clock, drive
        )

    def runs(self, seconds: float) -> int:
        """How many files were taken while that time passed."""
        taken, clock = 0, self.box.clock
        until_s = clock.monotonic() + seconds
        while True:
            new, wait_s = self.source.turn()
            taken += new
            left_s = until_s - clock.monotonic()
            if left_s <= 0 and wait_s != 0:
                return taken
            assert wait_s is not None
            clock.passes(seconds=min(wait_s, max(left_s, 0)))

    @property
    def host(self) -> Host:
        assert self.configfs.medium
        return Host(self.configfs.medium)

    def counts(self) -> dict[str, int]:
        return self.box.journal.ledger.item_counts()

    def names(self) -> list[str]:
        films = self.box.journal.ledger.films("", "0", "9", 1000)
        return sorted(row["name"] for row in films)

    def place(self) -> tuple[str, str, str]:
        (row,) = [row for row in self.box.journal.ledger.places() if row["name"] == "cr"]
        return row["state"], row["code"], row["sentence"]

    def delivers_all(self, by: ConfirmedBy = ConfirmedBy.FIND) -> None:
        """Every destination gets, and proves, what has arrived."""
        while self.counts().get(ItemState.ARRIVED):
            self.box.convert()
            self.box.identify()
            self.box.route()
            self.box.send()
            self.box.confirm(by=by)

    def close(self) -> None:
        self.source.close()
        self.server.close()
        self.box.close()
