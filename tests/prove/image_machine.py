"""Owns an appliance as somebody has it on the table: a board made of software with a card in it,
its serial console read and never typed to, its network sockets, its power.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from tests.peers.orthanc import free_port
from tests.prove.emulator import Emulator
from tests.prove.guest_hand import Hand
from tests.prove.image_hand import on_firmware
from tests.prove.image_page import Page
from tests.prove.image_torn import logged
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.prove.image_card import Card
    from tests.prove.image_wire import Cable

PORTS = (443, 80, 445, 104, 11112)
"""Of the box, each to be called at a port of this machine's loopback."""

_BOOT_S = 900
_OFF_S = 240
_HAND_S = 600
_END = 3000


@dataclass(frozen=True)
class Board:
    """What QEMU is told to be."""

    name: str
    machine: Sequence[str]
    devices: Sequence[str]
    network: str
    """The network socket, a device."""
    usb: Mapping[str, object]
    """Where a stick goes."""
    firmware: Mapping[str, Path]
    """What the emulated firmware stage starts, by QEMU's option for it."""
    card: str
    consoles: int
    """How many serial lines it has."""
    memory_mb: int = 1024
    hand_line: int | None = None
    """The serial line that the hand is at; None: it comes by the firmware (image_hand.py)."""
    as_flashed: Mapping[str, Path] | None = None
    """The same without what it has for the proofs alone; None: nothing is."""
    keeps: bool = True
    """Whether QEMU can write down what is in its memory."""

    def options(self) -> Iterator[str]:
        """QEMU's for it, its card and its sockets aside."""
        yield from ("qemu-system-aarch64", *self.machine, "-m", str(self.memory_mb))
        for device in self.devices:
            yield from ("-device", device)
        for option, path in self.firmware.items():
            yield from (f"-{option}", str(path))


@dataclass(frozen=True)
class Moment:
    """An appliance that stands still: its card, and what was in its memory.

    Not every board can be kept so: without a memory it was switched off, and boots.
    """

    card: Card
    memory: Path | None


class Appliance(Emulator):
    """One board with its card; layers of the card and memories lie in its folder."""

    def __init__(self, board: Board, folder: Path, card: Card, *, hand: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)
        self.board = board
        self.card = card
        self.usb = board.usb
        self.ports = {port: free_port() for port in PORTS}
        self.page = Page(self.ports[443])
        self.cables: Sequence[Cable] = ()
        """What its network sockets are connected to; else one to this machine and no other."""
        self.has_hand = hand
        self._layers = 0
        self._is_greeted = False

    @property
    def kind(self) -> str:
        """The machine, for people."""
        return f"QEMU {' '.join(self.board.machine[:2])} (TCG), {self.board.memory_mb} MB"

    # Its power

    def start(self) -> None:
        """Switch it on with its card; it boots."""
        self._power()

    def go_on(self, moment: Moment, log: Path | None = None) -> None:
        """Be what it was at that moment; what is written from then on is a new layer.

        With `log` every write is also put down there (image_torn.py). One whose memory was not
        kept boots, and is there once its page says that it is well.
        """
        self.card = moment.card.layer(self.new_layer())
        self._power(moment.memory, log)
        if not moment.memory:
            self.page.wait(_BOOT_S)

    def new_layer(self) -> Path:
        """Where a layer of its card may be made."""
        self._layers += 1
        return self.folder / f"layer{self._layers}.qcow2"

    def keep(self, name: str) -> Moment:
        """Have it stand still here; it has no power then."""
        memory = self.folder / f"{name}.memory" if self.board.keeps else None
        if memory:
            self.write_memory(memory)
        self.cut()
        return Moment(self.card, memory)

    def cut(self) -> None:
        """Cut its power."""
        super().cut()
        with suppress(AttributeError):
            self._hand.close()

    def wait_until_off(self) -> float:
        """It switches itself off; the seconds that took."""
        started = time.monotonic()
        try:
            wait_for("the machine off", lambda: not self.is_on, _OFF_S)
        except NotProved as reason:
            self.fail(str(reason))
        self.cut()
        return time.monotonic() - started

    @property
    def hand(self) -> Hand:
        """The hand inside, as soon as it is there; once for each start the agent says so."""
        if not self._is_greeted:
            self._hand.greeted(_HAND_S)
            self._is_greeted = True
        return self._hand

    # What it says

    def console(self) -> str:
        """All it has said on its serial lines since it was switched on last."""
        paths = (self._console(number) for number in range(self.board.consoles))
        return "\n".join(path.read_text(errors="replace") for path in paths if path.exists())

    def fail(self, *faults: str) -> NoReturn:
        """Raises NotProved: what is wrong, with the end of what it said."""
        raise NotProved("\n".join((*faults, self.console()[-_END:])))

    def _console(self, number: int) -> Path:
        return self.folder / f"console{number}.log"

    # How it is put together

    def _power(self, memory: Path | None = None, log: Path | None = None) -> None:
        self.switch_on(self._command(log), *(["agent"] if self.has_hand else []), memory=memory)
        for end in self.cables:
            end.plug_in()
        if self.has_hand:
            self._hand = Hand(self.folder / "agent")
            self._is_greeted = memory is not None

    def _command(self, log: Path | None) -> list[str]:
        options = [*self.board.options()]
        drive = f"file={self.card.path},format=qcow2,discard=unmap,{self.board.card}"
        options += logged(self.card.path, log) if log else ["-drive", drive]
        for number, netdev in enumerate(self._networks()):
            options += ["-netdev", f"{netdev},id=net{number}"]
            options += ["-device", f"{self.board.network},netdev=net{number}"]
        for number in range(self.board.consoles):
            at_hand = self.has_hand and number == self.board.hand_line
            line = "chardev:agent" if at_hand else f"file:{self._console(number)}"
            options += ["-serial", line]
        if self.has_hand:
            path = self.folder / "agent"
            options += ["-chardev", f"socket,id=agent,path={path},server=on,wait=off"]
        if self.has_hand and self.board.hand_line is None:
            options += on_firmware(self.folder)
        return options

    def _networks(self) -> Iterator[str]:
        yield from (end.netdev for end in self.cables)
        if not self.cables:
            forwards = (f"hostfwd=tcp:127.0.0.1:{ours}-:{its}" for its, ours in self.ports.items())
            yield ",".join(("user", *forwards))
