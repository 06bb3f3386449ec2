"""Proves the serial line: a USB adapter that comes and goes, and a modality that sends by ZMODEM.

The modality is lrzsz's `sz` on this machine, at the other end of QEMU's usb-serial. Every second
round the adapter is pulled while a file is on its way; the modality then sends it again.
"""

from __future__ import annotations

import socket
import subprocess
import time
from itertools import count
from typing import TYPE_CHECKING

from tests.peers.orthanc import bound_to_us
from tests.prove.films import films
from tests.prove.links_hospital import Hospital
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from tests.prove.films import Film
    from tests.prove.guest_image import Arch

ROUNDS = 20
SERVICES = ("jembatan-convert.socket", "keeper", "devices", "watch", "deliver")

_SOURCE = """
[[source]]
name = "line"
kind = "serial"
path = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_MODALITY-if00-port0"
baud = 115200
protocol = "zmodem"
profile = "films"
"""
_EXPORTS = 2
_SIDE, _LARGE_SIDE = 240, 500
_SENT_S = 300
_MID_TRANSFER_S = 1.5
_SAY_EVERY = 5


def prove(arch: Arch, folder: Path, rounds: int, random: Random) -> str:
    """Raises NotProved."""
    with Hospital(arch, folder, _SOURCE) as hospital:
        hospital.box.start(*SERVICES)
        return Line(hospital, folder, random).run(rounds)


class Line:
    """One box, one adapter, one modality."""

    def __init__(self, hospital: Hospital, folder: Path, random: Random) -> None:
        self._hospital = hospital
        self._box = hospital.box
        self._guest = hospital.box.guest
        self._folder = folder
        self._random = random
        self._films = films(random, _SIDE, _LARGE_SIDE)
        self._numbers = count(1)
        self._torn = 0

    def run(self, rounds: int) -> str:
        """So many calls by the modality."""
        for number in range(1, rounds + 1):
            made = [next(self._films) for _ in range(_EXPORTS)]
            self._hospital.films += made
            if number % 2 == 0:
                self._tear(made)
            self._send(made)
            if number % _SAY_EVERY == 0:
                print(f"{number} calls, {self._torn} torn off", flush=True)
        self._wait_until_taken()
        if again := self._hospital.reckon():
            self._hospital.fail(f"{again} images were sent twice")
        return (
            f"{rounds} calls by ZMODEM over usb-serial, before {self._torn} of them the adapter "
            f"pulled in mid-transfer; {len(self._hospital.films)} films, all at the PACS: 0 lost, "
            f"0 half, 0 doubled; {self._guest.kind}"
        )

    def _tear(self, made: list[Film]) -> None:
        """The adapter goes while the modality sends."""
        path, line = self._plug()
        sender = self._sender(made, line)
        time.sleep(self._random.uniform(0.2, _MID_TRANSFER_S))
        self._torn += sender.poll() is None
        self._unplug(path, line)
        sender.kill()
        sender.wait()

    def _send(self, made: list[Film]) -> None:
        path, line = self._plug()
        try:
            status = self._sender(made, line).wait(_SENT_S)
        except subprocess.TimeoutExpired:
            self._hospital.fail(f"sz does not come to an end; it says {self._box.place('line')}")
        self._unplug(path, line)
        if status:
            self._hospital.fail(f"sz failed with {status}: {self._said()}")

    def _sender(self, made: list[Film], line: socket.socket) -> subprocess.Popen[bytes]:
        exports = self._folder / "exports"
        exports.mkdir(exist_ok=True)
        for film in made:
            (exports / film.name).write_bytes(film.content)
        with (self._folder / "sz.log").open("wb") as log:
            return subprocess.Popen(
                bound_to_us("sz", "--zmodem", "--binary", *(film.name for film in made)),
                cwd=exports,
                stdin=line.fileno(),
                stdout=line.fileno(),
                stderr=log,
            )

    def _said(self) -> str:
        return (self._folder / "sz.log").read_text(errors="replace")[-500:]

    def _plug(self) -> tuple[str, socket.socket]:
        """A new line, once the box listens to it."""
        name = f"line{next(self._numbers)}"
        path = self._folder / name
        address = {"type": "unix", "data": {"path": str(path)}}
        backend = {"type": "socket", "data": {"addr": address, "server": True, "wait": False}}
        self._guest.qmp.ask("chardev-add", id=name, backend=backend)
        line = socket.socket(socket.AF_UNIX)
        line.connect(str(path))
        self._guest.plug("adapter", "usb-serial", chardev=name, serial="MODALITY")
        self._wait_for_place("listening")
        return name, line

    def _unplug(self, name: str, line: socket.socket) -> None:
        # QEMU takes the adapter off the bus when its line closes; taken away with bytes under way,
        # it takes QEMU with it.
        line.shutdown(socket.SHUT_RDWR)
        line.close()
        self._wait_for_place("unplugged")
        self._guest.pull("adapter")
        self._guest.qmp.ask("chardev-remove", id=name)

    def _wait_for_place(self, state: str) -> None:
        try:
            self._box.wait_for(state, lambda: self._box.place("line").state == state, _SENT_S)
        except NotProved as reason:
            self._hospital.fail(f"{reason}; it says {self._box.place('line')}")

    def _wait_until_taken(self) -> None:
        query = "SELECT count(DISTINCT name) FROM arrival WHERE source = 'line'"
        wanted = len(self._hospital.films)
        try:
            self._box.wait_for("all taken", lambda: self._box.count(query) >= wanted, _SENT_S)
        except NotProved as reason:
            self._hospital.fail(str(reason))
