"""Proves the drive: the box poses as a stick to a modality, and its power is cut again and again.

dummy_hcd makes the guest its own host: the same kernel writes the files, with `sync` or without,
so that a cut takes the modality too. After each it looks what is on the drive, and exports again
what is not there as it was.
"""

from __future__ import annotations

import base64
import hashlib
import time
from typing import TYPE_CHECKING

from tests.prove.films import films
from tests.prove.links_hospital import Hospital
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from random import Random

    from tests.prove.films import Film
    from tests.prove.guest_image import Arch

ROUNDS = 30
SERVICES = ("jembatan-convert.socket", "keeper", "devices", "watch", "deliver")

_SOURCE = """
[[source]]
name = "drive"
kind = "drive"
profile = "films"
size_gib = 1
quiet_s = 2
"""
_EXPORTS = 4
_SIDE, _LARGE_SIDE = 128, 400
_LONGEST_S = 20
_ALL_TAKEN_S = 600
_SAY_EVERY = 5

_MODALITY = """
import base64, hashlib, os, subprocess, time
from pathlib import Path

TOP = Path("/run/modality")

def plug_in():
    '''Mounts the drive that the box poses as, as a modality does that was switched on.'''
    for attempt in range(600):
        found = list(Path("/dev/disk/by-id").glob("usb-JEMBATAN_EXPORT_*-part1"))
        if found:
            break
        time.sleep(0.2)
    else:
        return "the drive does not show up"
    TOP.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "vfat", str(found[0]), str(TOP)],
                          capture_output=True, text=True)
    return done.stderr

def export(name, content, sync):
    with (TOP / name).open("wb") as file:
        file.write(base64.b64decode(content))
        if sync:
            file.flush()
            os.fsync(file.fileno())
    if sync:
        os.sync()

def digests():
    '''What lies on the drive; not what is remembered of it.'''
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")
    files = [path for path in TOP.iterdir() if path.is_file()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
"""


def prove(arch: Arch, folder: Path, rounds: int, random: Random) -> str:
    """Raises NotProved."""
    with Hospital(arch, folder, _SOURCE, data_fs="xfs") as hospital:
        return Drive(hospital, random).run(rounds)


class Drive:
    """One box between a modality and the PACS."""

    def __init__(self, hospital: Hospital, random: Random) -> None:
        self._hospital = hospital
        self._box = hospital.box
        self._guest = hospital.box.guest
        self._random = random
        self._films = films(random, _SIDE, _LARGE_SIDE)
        self._again = 0
        self._in_flight = 0

    def run(self, rounds: int) -> str:
        """So many lives, each ended by a cut; a last one in peace."""
        for number in range(1, rounds + 1):
            self._boot()
            self._export([next(self._films) for _ in range(_EXPORTS)], sync=number % 2 == 0)
            time.sleep(self._random.uniform(0, _LONGEST_S))
            self._in_flight += self._taken() < len(self._hospital.films)
            self._guest.cut()
            if number % _SAY_EVERY == 0:
                print(f"{number} cuts, {self._in_flight} with work in flight", flush=True)
        self._boot()
        self._wait_until_taken()
        resends = self._hospital.reckon()
        return (
            f"{rounds} cuts of power, half of them without sync, {self._in_flight} with exports "
            f"not yet taken; {len(self._hospital.films)} films, {self._again} exported again by "
            "the modality because the cut had taken them from its drive, all at the PACS: "
            f"0 lost, 0 half, 0 doubled ({resends} sent again, byte for byte); {self._guest.kind}"
        )

    def _boot(self) -> None:
        """The modality sees to it that all it exported is on the drive."""
        self._box.start(*SERVICES, modules=("dummy_hcd",))
        self._guest.python(_MODALITY)
        if trouble := self._guest.python("value = plug_in()"):
            self._hospital.fail(f"the drive: {trouble}")
        there = self._guest.python("value = digests()")
        for film in self._hospital.films:
            if there.get(film.name) != hashlib.sha256(film.content).hexdigest():
                self._write(film, sync=True)
                self._again += 1

    def _export(self, made: Sequence[Film], *, sync: bool) -> None:
        for film in made:
            self._hospital.films.append(film)
            self._write(film, sync=sync)

    def _write(self, film: Film, *, sync: bool) -> None:
        content = base64.b64encode(film.content).decode()
        self._guest.python(f"value = export({film.name!r}, {content!r}, {sync})")

    def _taken(self) -> int:
        query = "SELECT count(DISTINCT name) FROM arrival WHERE source = 'drive'"
        return self._box.count(query)

    def _wait_until_taken(self) -> None:
        wanted = len(self._hospital.films)
        try:
            self._box.wait_for("all taken", lambda: self._taken() >= wanted, _ALL_TAKEN_S)
        except NotProved:
            place = self._box.place("drive")
            message = f"{self._taken()} of {wanted} taken; it says {place}"
            self._hospital.fail(message)
