"""Owns what QEMU's raspi3b forces to be changed on a copy of a card: words on the kernel's
command line (boot.env), and the proofs' hand, which has no other door. No image has any of it.

Its watchdog resets the machine as soon as it is opened; its serial lines are where a box speaks to
a modality, so that no console is there unless it is asked for.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tests.prove.image_hand import AGENT
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.prove.image_card import Card

CONSOLE = "console=ttyS1,115200"
MASKED = ("module_blacklist=bcm2835_wdt",)
"""What cannot run on raspi3b."""

_BOOT = "boot.env"
_ARGUMENTS = "jembatan_args="
_LINE = "/dev/ttyAMA0"
_UNIT = f"""[Unit]
DefaultDependencies=no
IgnoreOnIsolate=yes
[Service]
ExecStart=/usr/bin/python3 /boot/jembatan/{AGENT.name} {_LINE}
Restart=always
"""
_WANTED = "[Unit]\nWants=a.service\n"
_CREDENTIALS = {"extra-unit.a.service": _UNIT, "unit-dropin.-.mount": _WANTED}


def force(card: Card, *, hand: bool) -> str:
    """Change a card so that raspi3b boots it; what was changed, for people."""
    words = [CONSOLE, *MASKED, *(_hand() if hand else ())]
    before = (card.read(_BOOT) or b"").decode()
    lines = [_with(line, words) for line in before.splitlines()]
    if lines == before.splitlines():
        message = f"{_BOOT} has no line {_ARGUMENTS}: {before!r}"
        raise NotProved(message)
    card.write(_BOOT, "".join(f"{line}\n" for line in lines).encode())
    if hand:
        card.write(AGENT.name, AGENT.read_bytes())
    return f"{_BOOT}: {' '.join((CONSOLE, *MASKED))}"


def _with(line: str, words: list[str]) -> str:
    return " ".join((line, *words)) if line.startswith(_ARGUMENTS) else line


def _hand() -> Iterator[str]:
    for name, content in _CREDENTIALS.items():
        text = base64.b64encode(content.encode()).decode()
        yield f"systemd.set_credential_binary=systemd.{name}:{text}"
