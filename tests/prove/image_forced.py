"""Owns what QEMU's raspi3b forces to be changed on a copy of a card: words on the kernel's
command line (boot.env), a serial number (uboot.env), its USB network adapter let in, and the
proofs' hand, which has no other door. No image has any of it.

Its watchdog resets the machine as soon as it is opened; U-Boot is told no serial number by it;
its adapter is none of those a box knows; its serial lines are where a box speaks to a modality,
so that no console is there unless it is asked for.
"""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING
from zlib import crc32

from tests.prove.image_hand import AGENT
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from tests.prove.image_card import Card

CONSOLE = "console=ttyS1,115200"
MASKED = ("module_blacklist=bcm2835_wdt,cdc_subset",)
"""What cannot run on raspi3b, and a driver for half of its adapter."""

SERIAL = "00000000c0ffee01"

_BOOT, _U_BOOT = "boot.env", "uboot.env"
_CRC = struct.Struct("<I")
_ARGUMENTS = "jembatan_args="
_LINE = "/dev/ttyAMA0"
_LET_IN = """\
ENV{DEVTYPE}=="usb_interface", ATTRS{idVendor}=="0525", ATTRS{idProduct}=="a4a2", \
ENV{JEMBATAN_USB}="network"
"""
_HAND = f"""[Unit]
DefaultDependencies=no
IgnoreOnIsolate=yes
[Service]
ExecStart=/usr/bin/python3 /boot/jembatan/{AGENT.name} {_LINE}
Restart=always
"""
_WANTED = "[Unit]\nWants=a.service\n"


def force(card: Card, *, hand: bool) -> str:
    """Change a card so that raspi3b boots it; what was changed, for people."""
    given = {"udev.rules.70-raspi3b": _LET_IN}
    if hand:
        given |= {"systemd.extra-unit.a.service": _HAND, "systemd.unit-dropin.-.mount": _WANTED}
    words = [CONSOLE, *MASKED, *map(_credential, given.items())]
    before = (card.read(_BOOT) or b"").decode()
    lines = [_with(line, words) for line in before.splitlines()]
    if lines == before.splitlines():
        message = f"{_BOOT} has no line {_ARGUMENTS}: {before!r}"
        raise NotProved(message)
    card.write(_BOOT, "".join(f"{line}\n" for line in lines).encode())
    card.write(_U_BOOT, with_serial(card.read(_U_BOOT) or b""))
    if hand:
        card.write(AGENT.name, AGENT.read_bytes())
    return f"{_BOOT}: {' '.join((CONSOLE, *MASKED))}; a serial number; its USB network let in"


def take_console(card: Card) -> None:
    """Take the console back from a card that was changed so."""
    card.write(_BOOT, (card.read(_BOOT) or b"").replace(f" {CONSOLE}".encode(), b""))


def _with(line: str, words: list[str]) -> str:
    return " ".join((line, *words)) if line.startswith(_ARGUMENTS) else line


def with_serial(environment: bytes) -> bytes:
    """U-Boot's environment as mkenvimage makes it, with a serial number; it believes that one."""
    said = environment[_CRC.size :].partition(b"\0\0")[0]
    content = b"%b\0serial#=%b\0\0" % (said, SERIAL.encode())
    padded = content.ljust(len(environment) - _CRC.size, b"\xff")
    return _CRC.pack(crc32(padded)) + padded


def _credential(given: tuple[str, str]) -> str:
    """A word that gives systemd something by its name."""
    name, content = given
    return f"systemd.set_credential_binary={name}:{base64.b64encode(content.encode()).decode()}"
