"""Proves that what was acknowledged survives a cut of power, at any instant.

The box's state lies on a disk whose power can be cut (tests.prove.disk). Films are dropped, stored
by DICOM and sent by ZMODEM, and settings changed; at a random instant the PACSs stand still,
everything that somebody outside could rely on is noted, the disk is copied, and all services die.
The copy takes the disk's place and is compared with the notes; the box starts on it, comes to
rest, and everything is counted. The next cut hits the same box.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

from appliance.call import ask
from appliance.errors import NobodyAnswers
from tests.prove.box import Look, Services, end_tidily
from tests.prove.disk import Disk, disk, why_not
from tests.prove.machine import CHECKOUT, NotProved
from tests.prove.pacs import Archive
from tests.prove.verify import verify
from tests.prove.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONGEST_S = 1.2
_PAUSE_S = 0.1
_AT_ONCE_AGAIN = 0.2
_ASKS = 0.3
_QUIET_WITHIN_S = 180.0  # a ZMODEM sender is given up after half a minute
_SAY_EVERY = 20


@dataclass(frozen=True)
class Promises:
    """What somebody outside relies on at one moment."""

    arrivals: frozenset[tuple[str, str, str]]  # source, name, sha256: accepted
    confirmed: frozenset[tuple[str, str]]  # sha256, destination
    instances: frozenset[tuple[str, str]]  # UID, pieces: what a PACS has bytes of
    deleted: frozenset[str]  # names at the source that is emptied
    told: frozenset[str]  # UID, or sha256: a modality was told that it is safe
    settings: str

    @property
    def count(self) -> int:
        return sum(map(len, (self.arrivals, self.confirmed, self.instances))) + sum(
            map(len, (self.deleted, self.told, (self.settings,)))
        )

    def missing_from(self, other: Promises, done: frozenset[str]) -> Iterator[str]:
        """What `other`, read from the disk, does not keep; `done` are the names that may go."""
        for what in ("arrivals", "confirmed", "instances", "told"):
            for one in getattr(self, what) - getattr(other, what):
                yield f"{what}: {str(one)[:200]} was there before the cut"
        for name in self.deleted - done:
            yield f"{name} was deleted at its source and is not done"
        if self.settings != other.settings:
            yield "the settings are not those that keeper said were in force"


@dataclass
class Tally:
    """What was done, for people."""

    cuts: int = 0
    with_work: int = 0
    promises: int = 0
    resends: int = 0
    started_s: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        seconds = time.monotonic() - self.started_s
        return (
            f"{self.cuts} cuts of power, {self.with_work / max(self.cuts, 1):.0%} with work in "
            f"flight; {self.promises} promises compared, all kept; {self.resends} sent again, "
            f"byte for byte; {seconds:.0f} s, {seconds / max(self.cuts, 1):.1f} s a cut"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Cut, compare, count; 0, or 1 where something was lost."""
    parser = argparse.ArgumentParser(prog="./dev prove cut", description=__doc__)
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    end_tidily()
    if reason := why_not():
        print(f"this proof needs an ext4 on an XFS, each in a file: {reason}")
        return 1
    try:
        with (
            TemporaryDirectory(prefix="jembatan-proof-") as folder,
            Proof(Path(folder), Random(options.seed)) as proof,
        ):
            proof.run(options.cuts)
            print(f"proved: {proof.tally}; {proof.world.story()}, all arrived")
    except NotProved as reason:
        print(f"NOT PROVED: {reason}")
        return 1
    return 0


class Proof:
    """One box, whose power is cut again and again."""

    def __init__(self, folder: Path, random: Random, code: Path = CHECKOUT) -> None:
        self.tally = Tally()
        self._folder = folder
        self._random = random
        self._code = code
        self._stack = ExitStack()
        self._archive = Archive(folder / "archive")
        self.world = World(folder, self._archive, random)
        self._pacss = (self.world.store, self._archive)
        self._boots = 0
        self._settings = 0

    def __enter__(self) -> Self:
        with self._stack:
            self._disk: Disk = self._stack.enter_context(disk(self._folder))
            self._root = self._disk.path / "root"
            self._look = Look(self._root)
            self.world.set_up(self._root)
            self._stack.callback(self.world.leave)
            for one in (*self._pacss, self.world):
                one.come()
            self._boot()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, cuts: int) -> None:
        """Raises NotProved."""
        while self.tally.cuts < cuts:
            self._live()
            promises = self._cut()
            self._compare(promises)
            self._boot()
            if self._random.random() > _AT_ONCE_AGAIN:
                self._come_to_rest()
            if self.tally.cuts % _SAY_EVERY == 0:
                print(self.tally, flush=True)
        self._come_to_rest()

    # One life

    def _boot(self) -> None:
        """A new run folder, as after a reset, and all services."""
        self._boots += 1
        run = self._folder / f"run{self._boots}"
        run.mkdir()
        self._services = Services(self._root, run, code=self._code)
        self._stack.callback(self._services.close)
        self._services.tend()

    def _live(self) -> None:
        """Drop films until some instant; the last of them is hardly taken then."""
        until_s = time.monotonic() + self._random.uniform(0, _LONGEST_S)
        if self._random.random() < _ASKS:
            self._change_settings()
        while time.monotonic() < until_s:
            self.world.export()
            self._tend(self._random.uniform(0, 2 * _PAUSE_S))
        self.world.export()
        self._tend(self._random.uniform(0, _PAUSE_S))

    def _tend(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self._services.tend(0.001)

    def _change_settings(self) -> None:
        with suppress(NobodyAnswers):
            text = self.world.settings(self._settings + 1)
            ask(self._services.run / "keeper.sock", {"op": "settings", "toml": text})
            self._settings += 1

    def _cut(self) -> Promises:
        for pacs in self._pacss:
            pacs.freeze()
        there = [(pacs, pacs.files()) for pacs in self._pacss]
        self.world.hang_up()  # who is still told something now would rely on what is not copied
        told = self.world.told()
        promises = self._promises(self._root, self._look)
        self.tally.cuts += 1
        self.tally.with_work += self.world.unfinished(self._look) > 0
        copy = self._disk.copy()
        self._services.close()
        for pacs in self._pacss:
            pacs.thaw()
        self._disk.put_in(copy)
        self.world.go_on()
        # Of composed objects only those count that a PACS has seen something of.
        seen = set().union(*(pacs.uids(files) for pacs, files in there))
        sent = frozenset(one for one in promises.instances if one[0] in seen)
        return replace(promises, instances=sent, told=told)

    def _come_to_rest(self) -> None:
        until_s = time.monotonic() + _QUIET_WITHIN_S
        while left := self.world.unfinished(self._look):
            ended = self._services.tend()
            if ended or time.monotonic() > until_s:
                said = self._services.said()[-2000:]
                stuck = f"{left} films are stuck; {self.world.unsent()}"
                raise self._lost(*map(str, ended), stuck, said)
        reckoning = self.world.reckon()
        self.tally.resends = reckoning.resends
        if faults := [*reckoning.faults, *verify(self._root, self._services.run)]:
            raise self._lost(*faults)

    # Comparing

    def _compare(self, promises: Promises) -> None:
        """Before anything touches the disk again."""
        done = "SELECT arrival.name FROM arrival JOIN item ON item_id = item.id "
        done += "WHERE state = 'done'"
        scratch = self._folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(self._root, scratch)  # opening a journal changes it
        copy = Look(scratch, copy=True)
        kept = self._promises(scratch, copy)
        names = frozenset(name for (name,) in copy.rows(done))
        faults = [*promises.missing_from(kept, names), *_without_bytes(scratch, copy)]
        self.tally.promises += promises.count
        if faults:
            raise self._lost(*faults)

    def _promises(self, root: Path, look: Look) -> Promises:
        fetched = {film.name for film in self.world.dropped["fetched"]}
        return Promises(
            arrivals=frozenset(
                look.rows(
                    "SELECT arrival.source, arrival.name, sha256 FROM arrival "
                    "JOIN item ON item.id = item_id"
                )
            ),
            confirmed=frozenset(
                look.rows(
                    "SELECT sha256, destination FROM delivery JOIN item ON item.id = item_id "
                    "WHERE delivery.state = 'confirmed'"
                )
            ),
            instances=frozenset(look.rows("SELECT sop_instance_uid, pieces FROM instance")),
            deleted=frozenset(fetched - {path.name for path in self.world.fetched.iterdir()}),
            told=frozenset(_kept(root, look)),
            settings=(root / "etc" / "jembatan.toml").read_text(encoding="utf-8"),
        )

    def _lost(self, *faults: str) -> NotProved:
        return NotProved("\n".join([f"after cut {self.tally.cuts}:", *faults[:10]]))


def _kept(root: Path, look: Look) -> Iterator[str]:
    """What a box has of films that come by DICOM (UIDs) or over a line (sha256)."""
    for query in ("SELECT sop_instance_uid FROM received", "SELECT sha256 FROM item"):
        yield from (one for (one,) in look.rows(query))
    for path in (root / "var" / "serial").rglob("*.*"):
        with suppress(OSError):
            yield hashlib.sha256(path.read_bytes()).hexdigest()


def _without_bytes(root: Path, look: Look) -> Iterator[str]:
    """Items whose file is not there, or not what was accepted."""
    for (sha256,) in look.rows("SELECT sha256 FROM item WHERE purged_at IS NULL"):
        path = root / "var" / "spool" / sha256[:2] / sha256
        if not path.exists():
            yield f"{sha256} has a row and no bytes"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            yield f"{sha256} has a row and other bytes ({path.stat().st_size})"


if __name__ == "__main__":
    sys.exit(main())
