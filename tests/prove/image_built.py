"""Owns what was built and what it is started on: the images of both boards, their machines."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.prove.firmware import add_console, handed_over
from tests.prove.image_card import Card
from tests.prove.image_machine import Board
from tests.prove.machine import CHECKOUT, NotProved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

OUT = CHECKOUT / ".cache" / "image" / "out"
_BUNDLE = "*.raucb"
_KEYS = "../../keys/development"
"""From there: the developers', which every image for trials trusts and no release."""
_SD = "if=sd,cache=writethrough"
"""An SD card has no flush: what it has answered is kept, and Linux builds on that."""
_TREE, _OVERLAY = "bcm2837-rpi-3-b.dtb", "overlays/jembatan.dtbo"


@dataclass(frozen=True)
class Built:
    """One board's image, with what it is started on; `out` is where the build left it."""

    out: Path
    image: Path
    board: Board

    @property
    def bundle(self) -> Path:
        """The update to the same version."""
        return _newest(self.out, _BUNDLE)

    @property
    def signer(self) -> tuple[Path, Path]:
        """Key and certificate of who signed it."""
        keys = (self.out / _KEYS).resolve()
        return keys / "signer.key.pem", keys / "signer.cert.pem"


def built(board: str, out: Path) -> Built:
    """What `./dev image --board BOARD` left there. Raises NotProved."""
    image = _newest(out, f"jembatan-*-{board}.img")
    return Built(out, image, BOARDS[board](image, out))


def _newest(out: Path, pattern: str) -> Path:
    found = sorted(out.glob(pattern), key=lambda path: path.stat().st_mtime)
    if not found:
        message = f"there is no {pattern} in {out}: ./dev image"
        raise NotProved(message)
    return found[-1]


def _vm(_: Path, out: Path) -> Board:
    return Board(
        name="vm",
        machine=("-machine", "virt,accel=tcg", "-cpu", "cortex-a72", "-smp", "2"),
        devices=(
            *("virtio-blk-pci,drive=card", "virtio-rng-pci", "i6300esb", "qemu-xhci,id=usb"),
        ),
        network="virtio-net-pci,romfile=",
        usb={"bus": "usb.0"},
        firmware={"bios": out / "u-boot-vm.bin"},
        card="if=none,id=card",
        consoles=1,
    )


def _rpi(image: Path, out: Path) -> Board:
    """A Pi 3B without its own firmware stage: U-Boot is started as it lies on the card, with the
    tree and the overlay that lie there.

    Its one USB socket has a hub, in which the network socket is and a stick goes.
    """
    card = Card(image, "raw")
    tree, with_console = (out / f"rpi-{_TREE}.{end}" for end in ("handed-over", "console"))
    handed_over(_taken(card, 1, _TREE, out), tree, _taken(card, 1, _OVERLAY, out))
    shutil.copy(tree, with_console)
    add_console(with_console)
    u_boot = _taken(card, 1, "u-boot.bin", out)
    return Board(
        name="rpi",
        machine=("-machine", "raspi3b", "-accel", "tcg,thread=single"),
        devices=("usb-hub,bus=usb-bus.0,port=1",),
        network="usb-net,bus=usb-bus.0,port=1.1",
        usb={"bus": "usb-bus.0", "port": "1.2"},
        firmware={"kernel": u_boot, "dtb": with_console},
        as_flashed={"kernel": u_boot, "dtb": tree},
        card=_SD,
        consoles=2,
        hand_line=0,
        keeps=False,
    )


BOARDS: Mapping[str, Callable[[Path, Path], Board]] = {"vm": _vm, "rpi": _rpi}


def _taken(card: Card, number: int, name: str, out: Path) -> Path:
    """A file of the image, beside it."""
    content = card.read(name, number)
    if content is None:
        message = f"partition {number} of {card.path} has no {name}"
        raise NotProved(message)
    path = out / f"rpi-{name.rpartition('/')[2]}"
    path.write_bytes(content)
    return path
