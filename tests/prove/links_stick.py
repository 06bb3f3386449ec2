"""Proves the stick: plugged in and pulled again and again, most times while it is being read."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING

from tests.prove.guest_media import FILE_SYSTEMS, Media
from tests.prove.links_hospital import Hospital
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from tests.prove.guest_image import Arch
    from tests.prove.guest_media import Stick

ROUNDS = 50
SERVICES = ("jembatan-convert.socket", "keeper", "devices", "watch", "deliver")

_SOURCE = """
[[source]]
name = "stick"
kind = "stick"
profile = "films"
"""
_FILMS = 24
_SLOW_BYTES_S = 250_000
_FAST_BYTES_S = 4_000_000
_MID_COPY = 0.8
_BLIND_EVERY = 10  # pulled without looking where it stands
_BLIND_S = 5
_SAFE_S = 300
_SAY_EVERY = 10


def prove(arch: Arch, folder: Path, rounds: int, random: Random) -> str:
    """Raises NotProved."""
    with Hospital(arch, folder, _SOURCE) as hospital:
        hospital.box.start(*SERVICES)
        return Sticks(hospital, folder, random).run(rounds)


class Sticks:
    """One box and its USB socket."""

    def __init__(self, hospital: Hospital, folder: Path, random: Random) -> None:
        self._hospital = hospital
        self._box = hospital.box
        self._guest = hospital.box.guest
        self._random = random
        self._media = Media(folder / "media", random)
        self._pulls: Counter[str] = Counter()
        self._mid_copy = 0

    def run(self, rounds: int) -> str:
        """So many sticks, each pulled once too early and once when it is safe."""
        self._keyboards_stay_out()
        for number, fs in zip(range(1, rounds + 1), cycle(FILE_SYSTEMS), strict=False):
            self._round(fs, blind=number % _BLIND_EVERY == 0)
            if number % _SAY_EVERY == 0:
                print(f"{number} pulls, {self._mid_copy} of them mid-copy", flush=True)
        if again := self._hospital.reckon():
            self._hospital.fail(f"{again} images were sent twice")
        if self._mid_copy < _MID_COPY * rounds:
            message = f"only {self._mid_copy} of {rounds} pulls were mid-copy"
            raise NotProved(message)
        each = ", ".join(f"{fs} {count}" for fs, count in self._pulls.items())
        return (
            f"{rounds} pulls, {self._mid_copy} of them mid-copy ({each}); "
            f"{len(self._hospital.films)} films, all at the PACS: 0 lost, 0 half, 0 doubled; "
            f"no bit of a stick changed; {self._guest.kind}"
        )

    def _round(self, fs: str, *, blind: bool) -> None:
        stick = self._media.stick(fs, _FILMS, self._guest)
        self._hospital.films += stick.films
        before = stick.digest()
        self._guest.throttle(_SLOW_BYTES_S)
        self._plug(stick)
        self._wait_for_the_moment(blind=blind)
        if not blind:
            self._mid_copy += self._box.place("stick").state == "reading"
        self._pulls[fs] += 1
        self._guest.pull("stick")
        self._wait_until(fs, "empty", "pulled")
        self._guest.throttle(_FAST_BYTES_S)
        self._plug(stick)
        self._wait_until(fs, "safe")
        self._guest.pull("stick")
        self._wait_until(fs, "empty")
        if stick.digest() != before:
            self._hospital.fail(f"the stick ({fs}) was written to")
        stick.path.unlink()

    def _plug(self, stick: Stick) -> None:
        self._already = self._arrived()
        self._guest.plug_stick("stick", stick.path, stick.serial)

    def _wait_for_the_moment(self, *, blind: bool) -> None:
        if blind:
            time.sleep(self._random.uniform(0, _BLIND_S))
            return
        wanted = self._random.randrange(_FILMS - 4)
        self._wait_until("it", "reading", "safe", "denied")
        self._box.wait_for(
            "films taken", lambda: self._arrived() - self._already >= wanted, _SAFE_S
        )
        time.sleep(self._random.uniform(0, 0.2))

    def _arrived(self) -> int:
        return self._box.count("SELECT count(*) FROM arrival")

    def _wait_until(self, fs: str, *states: str) -> None:
        try:
            self._box.wait_for(f"{' or '.join(states)}", partial(self._is, *states), _SAFE_S)
        except NotProved as reason:
            place = self._box.place("stick")
            self._hospital.fail(f"{fs}: {reason}; it says {place}")

    def _is(self, *states: str) -> bool:
        return self._box.place("stick").state in states

    # What else may be plugged in

    def _keyboards_stay_out(self) -> None:
        """USB authorisation: a keyboard never gets a driver."""
        self._guest.plug("keyboard", "usb-kbd")
        time.sleep(1)
        self._guest.run("udevadm", "settle")
        value = self._guest.python(_KEYBOARDS)
        self._guest.pull("keyboard")
        if value != [["0", False]]:
            message = f"a keyboard was let in (authorized, has a driver): {value}"
            raise NotProved(message)


_KEYBOARDS = """
from pathlib import Path
value = [
    [(there / "authorized").read_text().strip(), (there / "driver").exists()]
    for there in Path("/sys/bus/usb/devices").iterdir()
    if (there / "bInterfaceClass").exists()
    and (there / "bInterfaceClass").read_text().strip() == "03"
]
"""
