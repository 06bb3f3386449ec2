"""Owns a card with the layout of the box in an emulated guest: its power, its board, its data."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

from appliance.box import card, vault
from appliance.box.luks import Luks
from tests.prove.guest import Guest
from tests.prove.guest_box import INSTALL, make_cargo
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from appliance.box.luks import Header
    from tests.prove.guest_hand import Output
    from tests.prove.guest_image import Arch

_MIB = 2048  # sectors
_BYTES = 700 << 20
_P1 = 2048
_TABLE = f"""label: dos
label-id: 0x4a454d42
unit: sectors
1 : start={_P1}, size={64 * _MIB}, type=c, bootable
2 : start={65 * _MIB}, size={4 * _MIB}, type=c
3 : start={69 * _MIB}, size={4 * _MIB}, type=c
4 : start={73 * _MIB}, size={20 * _MIB}, type=f
5 : start={74 * _MIB}, size={8 * _MIB}, type=83
6 : start={84 * _MIB}, size={8 * _MIB}, type=83
"""
_ODD_BYTES = 12_345 * 512
_HEADER_BYTES = 17 << 20
# What the initial RAM disk does on the box.
_EARLY = """
blockdev --rereadpt /dev/vdc
udevadm settle
mkdir -p /boot/jembatan /data /run/card
mount -t vfat -o ro,fmask=0133,dmask=0022,flush /dev/vdc1 /boot/jembatan
ln -sf /dev/vdc /run/card/disk
"""
PYTHON = "/opt/jembatan/bin/python"
_START_S = 280


class Card:
    """One card in one guest."""

    def __init__(self, arch: Arch, folder: Path) -> None:
        self.path = folder / "card.img"
        self._folder = folder
        self._is_installed = False
        self.new()
        self.guest = Guest(arch, folder, make_cargo(folder), self.path)

    # The card

    def new(self) -> None:
        """As a flashed image is; of an odd size, as every card is."""
        self.path.unlink(missing_ok=True)
        with self.path.open("wb") as file:
            file.truncate(_BYTES + _ODD_BYTES)
        _run("sfdisk", "--quiet", str(self.path), text=_TABLE)
        blocks = str(64 << 10)
        _run(
            "mkfs.vfat", "-F", "16", "-n", "JEMBATAN", "--offset", str(_P1), str(self.path), blocks
        )

    def put(self, name: str, text: str) -> None:
        """A file on its boot partition, put there while it is out of the box."""
        file = self._folder / name
        file.write_text(text, encoding="ascii")
        _run("mcopy", "-o", "-i", f"{self.path}@@{_P1 * 512}", str(file), f"::/{name}")

    def board(self, serial: str) -> None:
        """Put it into another board: here that is a file."""
        self.put("board.txt", f"serial={serial}\n")

    def header(self) -> Header | None:
        """What its data partition says of itself, from outside."""
        data = card.read(self.path).get(card.DATA)
        if data is None:
            return None
        copy = self._folder / "header"
        with self.path.open("rb") as file, copy.open("wb") as to:
            file.seek(data.start * 512)
            to.write(file.read(_HEADER_BYTES))
        return Luks(copy).header()

    # The box

    def boot(self) -> None:
        """Switch it on, as far as the initial RAM disk."""
        self.guest.start()
        if not self._is_installed:
            self._is_installed = True
            self.guest.run("sh", "-ec", INSTALL, seconds=280)
            self.guest.keep()
            self.guest.start()
        self.guest.run("sh", "-ec", _EARLY)

    def start(self) -> Output:
        """Have systemd start what the box starts first; how that went."""
        words = ("systemctl", "start", "jembatan-start.service", "data.mount")
        return self.guest.run(*words, check=False, seconds=_START_S)

    def must_start(self) -> float:
        """Boot and start, which must succeed; the seconds of the start."""
        self.boot()
        began = time.monotonic()
        done = self.start()
        if done.status:
            raise NotProved("it does not start: " + self.said())
        return time.monotonic() - began

    def cut_within(self, seconds: float, random: Random) -> float:
        """Boot, start, and cut the power within so many seconds; after how many it was."""
        self.boot()
        self.guest.run("systemctl", "start", "--no-block", "data.mount")
        moment = random.uniform(0, seconds)
        time.sleep(moment)
        self.guest.cut()
        return moment

    def command(self, *words: str, text: str = "") -> Output:
        """`jembatan ...` in there, as root."""
        command = (PYTHON, "-m", "appliance", *words)
        return self.guest.run(*command, check=False, text=text, seconds=_START_S)

    def run(self, *words: str) -> str:
        """What a command in there says."""
        return self.guest.run(*words).text.strip()

    def is_active(self, unit: str) -> bool:
        """Whether a unit is up."""
        return self.guest.run("systemctl", "is-active", unit, check=False).status == 0

    def report(self) -> dict[str, Any]:
        """What the start told everybody."""
        found: dict[str, Any] = json.loads(self.run("cat", "/run/jembatan-start/report.json"))
        return found

    def recovery_key(self) -> str:
        """As it waits for who claims the box."""
        return self.run("cat", "/data/etc/recovery-key.txt")

    def said(self) -> str:
        """The end of the log."""
        return self.guest.run("journalctl", "--no-pager", "--lines=40", check=False).text

    def uuid(self) -> str:
        """Which data partition is on record on the boot partition."""
        return self.run("cat", f"/boot/jembatan/{vault.RECORD}").partition("uuid=")[2]


def _run(*words: str, text: str = "") -> None:
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(words)}: {done.stderr or done.stdout}"
        raise NotProved(message)
