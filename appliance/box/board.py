"""Owns what is known of the board: the one place that reads its serial, model, kind and slot.

A Raspberry Pi tells its serial in the device tree. A virtual machine has it from its hypervisor,
by the kernel command line or by DMI; one that gives none gets one made up, kept on the boot
partition (`remember_serial`).
"""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.box import bootfat
from appliance.box.bootfat import BOOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MADE_UP = "board.txt"
"""On the boot partition: the serial of a virtual machine that has none of its own."""

_TREES = ("proc/device-tree", "sys/firmware/devicetree/base")
_DMI = "sys/class/dmi/id"
_NOTHING = re.compile(r"(0*|none|unknown|default.*|not .*|to be filled.*|system serial.*)", re.I)
"""What makers of firmware write where a serial should stand."""
_SHORT = 8


class Kind(StrEnum):
    """The boards that there are images for."""

    RPI = "rpi"
    VM = "vm"


class Slot(StrEnum):
    """The two halves of the card, of which one runs."""

    A = "A"
    B = "B"


@dataclass(frozen=True, slots=True)
class Board:
    """The board this box runs on."""

    serial: str
    """The same as long as the board lives; empty where it tells none."""
    model: str
    """Its name, for people."""
    kind: Kind
    slot: Slot | None
    """Which half of the card was started; None where nobody said."""

    @property
    def short_serial(self) -> str:
        """The last eight characters: what differs between boards, on labels and in names."""
        return self.serial[-_SHORT:] or "unknown"

    @property
    def hostname(self) -> str:
        """The name in the network, before `.local`."""
        return f"jembatan-{self.short_serial}"


def board(root: Path = Path("/"), boot: Path = BOOT) -> Board:
    """What the machine below `root` says of itself."""
    said = command_line(root)
    kind = _kind(said, root)
    return Board(
        serial=_serial(root, said, boot, kind),
        model=_model(root),
        kind=kind,
        slot=_slot(said),
    )


def command_line(root: Path = Path("/")) -> dict[str, str]:
    """The kernel's command line by names; of a name said twice the last counts."""
    text = _read(root / "proc/cmdline")
    return {name: value for name, _, value in (word.partition("=") for word in text.split())}


def remember_serial(boot: Path = BOOT) -> str:
    """Make up a serial for a machine without one, and keep it on the boot partition.

    `boot` must be writable. Only a machine's maker knows whether two have the same disk image:
    one that is copied after this is the same box to everybody.
    """
    serial = secrets.token_hex(_SHORT)
    bootfat.write(boot, MADE_UP, f"serial={serial}\n".encode())
    return serial


def _kind(said: Mapping[str, str], root: Path) -> Kind:
    with suppress(ValueError):
        return Kind(said.get("jembatan.board", ""))
    return Kind.RPI if "Raspberry Pi" in _model(root) else Kind.VM


def _slot(said: Mapping[str, str]) -> Slot | None:
    with suppress(ValueError):
        return Slot(said.get("rauc.slot", ""))
    return None


def _model(root: Path) -> str:
    places = [root / tree / "model" for tree in _TREES]
    return next(filter(None, map(_read, [*places, root / _DMI / "product_name"])), "unknown")


def _serial(root: Path, said: Mapping[str, str], boot: Path, kind: Kind) -> str:
    return next(filter(None, map(_tidy, _serials(root, said, boot, kind))), "")


def _serials(root: Path, said: Mapping[str, str], boot: Path, kind: Kind) -> Iterator[str]:
    for tree in _TREES:
        yield _read(root / tree / "serial-number")
    if kind is Kind.RPI:
        return  # nothing that moves along with the card may stand for the board
    yield said.get("jembatan.serial", "")
    yield _read(root / _DMI / "product_serial")
    yield _read(boot / MADE_UP).partition("serial=")[2]


def _tidy(serial: str) -> str:
    """In small letters and digits, as host names have them; empty where it says nothing."""
    words = serial.split()
    text = " ".join(words)
    return "" if _NOTHING.fullmatch(text) else re.sub(r"[^0-9a-z]", "", text.lower())


def _read(path: Path) -> str:
    """A short text of the kernel's, without the NUL that ends it; empty where there is none."""
    with suppress(OSError):
        return path.read_bytes().decode(errors="replace").strip("\0\n\t ")
    return ""
