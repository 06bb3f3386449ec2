"""Proves that a full card loses nothing: ENOSPC at every write of the road, one after the other.

A film passes through a new box while strace makes the Nth call of one kind of one service fail;
N goes on until there is no such call any more. Each time the box must say so in a plain sentence,
go on by itself, and deliver the film once. Then the same with a card that really is full.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from appliance.errors import DiskFull, JournalFault
from appliance.settings import history
from tests.prove import strace
from tests.prove.accounts import reckon
from tests.prove.box import Look, Services, end_tidily
from tests.prove.disk import small_disk, why_not
from tests.prove.films import PROFILE, SMALL, films
from tests.prove.machine import NotProved
from tests.prove.pacs import StoreScp
from tests.prove.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.prove.films import Film
    from tests.prove.strace import Call

ROAD = ("watch", "convert", "deliver")
CALLS = ("write", "pwrite64", "fsync", "fdatasync", "rename", "mkdir", "ftruncate")
_SETTINGS = """
[[source]]
name = "cr"
kind = "folder"
path = "{export}"
profile = "films"

[[destination]]
name = "storescp"
host = "127.0.0.1"
port = {port}
ae_title = "STORESCP"
confirm = "response"
{profile}
"""
_WITHIN_S = 90.0
_AT_ONCE = 8
_WIDE = 1200
_PNG = 1  # the second film: convert writes its pixels anew


class Point(NamedTuple):
    """Where the card is full: at the `when`-th such call of any thread of a service."""

    service: str
    call: str
    when: int


class Outcome(NamedTuple):
    """What became of the film."""

    point: Point
    was_reached: bool
    hit: str  # the files of the box that could not be written
    faults: list[str]


def main(argv: Sequence[str] | None = None) -> int:
    """Walk along the road; 0, or 1 where something was lost or not said."""
    parser = argparse.ArgumentParser(prog="./dev prove full", description=__doc__)
    parser.parse_args(argv)
    end_tidily()
    outcomes = walk()
    faults = [f"{o.point}: {fault}" for o in outcomes for fault in o.faults]
    for service in ROAD:
        hits = [o for o in outcomes if o.point.service == service and o.hit]
        print(f"{service}: {len(hits)} writes failed for lack of room")
    if why_not():
        print(f"no card was really filled up: {why_not()}")
    else:
        faults += [*filled_up(), *drained("192M", 60)]
    for fault in faults:
        print(f"NOT PROVED: {fault}")
    if not faults:
        print("proved: nothing was lost, each time it was said, each time it went on by itself")
    return 1 if faults else 0


def walk() -> list[Outcome]:
    """Every point of the road, several boxes at once: most of the time they wait."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        walks = pool.map(_walk, ((service, call) for service in ROAD for call in CALLS))
        return [outcome for outcomes in walks for outcome in outcomes]


def _walk(what: tuple[str, str]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for when in count(1):
        outcome = passed(Point(*what, when))
        if not outcome.was_reached:
            return outcomes
        outcomes.append(outcome)
    raise AssertionError


def passed(point: Point) -> Outcome:
    """One film through one new box."""
    with TemporaryDirectory(prefix="jembatan-proof-") as folder, ExitStack() as stack:
        place = Path(folder)
        record = place / "record"

        def tracer(service: str) -> list[str]:
            if service != point.service or record.exists():
                return []
            return strace.failing(point.call, str(point.when), record)

        road = Road(place, place / "root")
        stack.callback(road.close)
        faults: list[str] = []
        with Services(road.root, road.run, names=ROAD, tracer=tracer) as services:
            try:
                road.pass_through(services)
            except NotProved as reason:
                faults.append(str(reason))
            said = services.said()
        faults += road.faults()
        with record.open() as lines:
            calls = strace.read(lines)
        spoilt = [call for call in calls if call.was_spoilt]
        hit = " ".join(c.paths[-1] for c in spoilt if str(road.root) in c.arguments)
        if not _is_said(said) and any(_is_missed(call, calls, road.root) for call in spoilt):
            faults.append(f"{hit} could not be written and nobody said so:\n{said}")
        return Outcome(point, bool(spoilt), hit.replace(folder, ""), faults)


def filled_up() -> list[str]:
    """A card that is full at the worst moment, with a few bytes more each time."""
    faults = []
    for left_kib in (0, 4, 12, 24, 48, 96, 192, 384):
        with TemporaryDirectory(prefix="jembatan-proof-") as folder:
            place = Path(folder)
            with small_disk(place, "32M") as card:
                faults += [f"{left_kib} KiB left: {f}" for f in _filled_up(place, card, left_kib)]
    print("a real card of 32 MB was filled up 8 times")
    return faults


def drained(size: str, number: int) -> Iterator[str]:
    """More films than the card has room for, while the PACS is away: all arrive once it is back.

    Nobody makes room: what was delivered must leave the card for what waits at the door.
    """
    with TemporaryDirectory(prefix="jembatan-proof-") as folder, ExitStack() as stack:
        place = Path(folder)
        card = stack.enter_context(small_disk(place, size))
        road = Road(place, card / "root", side=_WIDE)
        road.pacs.go()
        road.drop(number)
        with Services(road.root, road.run) as services:
            look, until_s = Look(road.root), time.monotonic() + _WITHIN_S
            while look.rows("SELECT code FROM place WHERE kind = 'source'") != [("disk-full",)]:
                services.tend(0.05)
                if time.monotonic() > until_s:
                    yield f"the card did not fill up, or nobody said so:\n{services.said()}"
                    return
            waiting = number - look.count("SELECT count(*) FROM item")
            road.pacs.come()
            stack.callback(road.close)
            try:
                road.arrive(services)
            except NotProved as reason:
                yield str(reason)
        yield from road.faults()
        print(f"a card of {size}B was full with {waiting} films at the door; it emptied itself")


def _filled_up(place: Path, card: Path, left_kib: int) -> Iterator[str]:
    with ExitStack() as stack:
        road = Road(place, card / "root")
        stack.callback(road.close)
        with Services(road.root, road.run, names=ROAD) as services:
            road.pass_through(services)  # the box has been at work before
            ballast = card / "ballast"
            _fill(ballast, left_kib)
            road.drop(5)
            until_s = time.monotonic() + 12
            while time.monotonic() < until_s and not _is_said(services.said()):
                services.tend()
            if not _is_said(services.said()) and road.left:
                yield "nobody said so"
            ballast.unlink()
            try:
                road.arrive(services)
            except NotProved as reason:
                yield str(reason)
    yield from road.faults()


class Road:
    """A box between one export folder and one PACS."""

    def __init__(self, place: Path, root: Path, side: int = SMALL) -> None:
        self.root = root
        self.run = place / "run"
        self.run.mkdir()
        self.dropped: list[Film] = []
        self._export = place / "export"
        self._export.mkdir()
        self._films = films(Random(1), side, side)
        for _ in range(_PNG):
            next(self._films)
        self.pacs = StoreScp(place / "storescp")
        self.pacs.come()
        text = _SETTINGS.format(export=self._export, port=self.pacs.port, profile=PROFILE)
        history.publish(root, text)

    def close(self) -> None:
        self.pacs.go()

    def drop(self, number: int = 1) -> None:
        """Export some films."""
        for _ in range(number):
            film = next(self._films)
            self.dropped.append(film)
            (self._export / film.name).write_bytes(film.content)

    def pass_through(self, services: Services) -> None:
        """Export a film and see it arrive. Raises NotProved."""
        self.drop()
        self.arrive(services)

    @property
    def left(self) -> int:
        """How many films are not yet done."""
        done = Look(self.root).count("SELECT count(*) FROM item WHERE state = 'done'")
        return len(self.dropped) - done

    def arrive(self, services: Services) -> None:
        """See everything arrive. Raises NotProved."""
        until_s = time.monotonic() + _WITHIN_S
        while left := self.left:
            services.tend(0.05)
            if time.monotonic() > until_s:
                msg = f"{left} films did not arrive:\n{services.said()}"
                raise NotProved(msg)

    def faults(self) -> list[str]:
        """What is wrong at the end."""
        found = reckon(self.dropped, self.pacs.received()).faults
        return [*found, *verify(self.root, self.run)]


def _is_missed(call: Call, calls: Sequence[Call], root: Path) -> bool:
    """Whether the box cannot have gone on without this write."""
    journal = root / "var" / "journal.sqlite"
    if str(root) not in call.arguments or call.name == "mkdir":
        return False  # a log; a folder that was there already
    if call.path in {str(journal), str(journal.parent)}:
        return False  # a checkpoint: SQLite leaves all in the WAL and says nothing, rightly
    if call.name != "fdatasync" or call.path != f"{journal}-wal":
        return True
    before = [c for c in calls if c.ended < call.begun and c.thread == call.thread]
    return bool(before) and before[-1].name == "pwrite64"  # a COMMIT; else a checkpoint again


def _fill(ballast: Path, left_kib: int) -> None:
    """Take all room but some."""
    free = shutil.disk_usage(ballast.parent).free - left_kib * 1024
    with ballast.open("wb", buffering=0) as file:
        while free > 0:
            try:
                free -= file.write(bytes(min(free, 1 << 16)))
            except OSError:
                return


def _is_said(log: str) -> bool:
    """Whether one of the sentences for this trouble stands in the log."""
    return any(
        (problem.__doc__ or "").partition("{")[0] in log for problem in (DiskFull, JournalFault)
    )


if __name__ == "__main__":
    sys.exit(main())
