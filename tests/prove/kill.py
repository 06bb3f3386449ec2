"""Proves that nothing is lost when services are killed: SIGKILL from outside, at any system call.

Every service runs under strace, which kills it on its way into the Nth call of some kind, and is
started again as systemd would. Meanwhile films are dropped, stored by DICOM and sent by ZMODEM
without end, both PACSs come and go, and somebody keeps changing the settings. Then all is left
alone until it is quiet, and counted: a modality that was told that a film is safe never sends it
again.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from appliance.call import ask
from appliance.errors import Declined, NobodyAnswers
from tests.prove import strace
from tests.prove.box import SERVICES, Look, Services, end_tidily
from tests.prove.machine import NotProved
from tests.prove.pacs import PracticePacs
from tests.prove.verify import verify
from tests.prove.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.prove.box import Ended
    from tests.prove.pacs import Pacs

# A kind of call, and up to which of them a thread may come before it is killed there.
_CALLS = {
    "watch": {"write": 6, "pwrite64": 50, "fsync": 7, "fdatasync": 4, "rename": 2, "mkdir": 4}
    | {"unlink": 8, "sendto": 5, "flock": 14, "openat": 400},
    "convert": {"pwrite64": 50, "write": 3, "fsync": 2, "rename": 1, "flock": 8, "sendto": 4}
    | {"fcntl": 120, "read": 60},
    "deliver": {"pwrite64": 60, "fdatasync": 3, "sendto": 10, "sendfile": 3, "recvfrom": 12}
    | {"connect": 3, "flock": 12},
    "receive": {"writev": 12, "pwrite64": 40, "fsync": 12, "fdatasync": 5, "rename": 5, "mkdir": 2}
    | {"sendto": 12, "recvfrom": 40, "accept4": 3, "flock": 30, "unlink": 4},
    "keeper": {"pwrite64": 20, "write": 6, "fsync": 8, "fdatasync": 3, "rename": 5, "unlink": 14}
    | {"accept4": 3, "sendto": 6, "flock": 10},
}
_SHARE = 0.9
_SAY_EVERY = 50
_LEAST, _MOST = 6, 20
_AT_MOST_S = 8.0
_QUIET_WITHIN_S = 240.0
_LAST_WORDS = 2000
_NO_ROOM_TO_SPARE = 90  # so that keeper lets go of confirmed bytes all the time


class Kill(NamedTuple):
    """One service that died as planned."""

    service: str
    call: str
    box_had_work: bool  # films were on their way
    had_work: bool  # its own work was unfinished: stricter


@dataclass
class Plans:
    """Where each service will be killed next."""

    random: Random
    records: Path
    look: Look
    next_call: dict[str, str] = field(default_factory=dict)
    spared: set[str] = field(default_factory=set)

    def __call__(self, service: str) -> list[str]:
        """The words before the service's command."""
        self.next_call.pop(service, None)
        if service in self.spared or (service == "convert" and self._has_killed_converters()):
            return []
        call, most = self.random.choice(list(_CALLS[service].items()))
        self.next_call[service] = call
        return strace.killing(call, self.random.randint(1, most), self.records / service)

    def _has_killed_converters(self) -> bool:
        """Whether a film is about to be taken for one that kills converters, which it is not."""
        query = "SELECT count(*) FROM item WHERE state = 'arrived' AND tries >= 2"
        return self.look.count(query) > 0


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, settle, count; 0, or 1 where something was lost."""
    parser = argparse.ArgumentParser(prog="./dev prove kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    end_tidily()
    with TemporaryDirectory(prefix="jembatan-proof-") as folder:
        place = Path(folder)
        archive = PracticePacs(place / "archive")
        proof = Proof(place, archive, Random(options.seed))
        try:
            proof.run(options.kills)
        except NotProved as reason:
            print(f"NOT PROVED: {reason}")
            return 1
        print("\n".join(proof.report()))
        if proof.share < _SHARE:
            print("NOT PROVED: too few of the kills met work in flight")
            return 1
    return 0


class Proof:
    """One box, killed again and again."""

    def __init__(self, folder: Path, archive: Pacs, random: Random) -> None:
        self.kills: list[Kill] = []
        self.resends = 0
        self._random = random
        self._root = folder / "root"
        self._run = folder / "run"
        self._run.mkdir()
        self._world = World(folder, archive, random)
        self._look = Look(self._root)
        self._plans = Plans(random, self._run, self._look)
        self._started_s = time.monotonic()
        self._asker = Asker(self._world, self._run)
        self._guests = (Guest(self._world.store, 5.0), Guest(archive, 15.0))

    def run(self, kills: int) -> None:
        """Raises NotProved."""
        self._world.set_up(self._root, _NO_ROOM_TO_SPARE)
        for _ in range(_LEAST):
            self._world.export()
        self._world.come()
        try:
            with Services(self._root, self._run, tracer=self._plans) as services:
                self._kill(services, kills)
                self._settle(services)
                services.stop()
                self._count(services)
        finally:
            self._world.leave()
            strace.end_strays(self._run)

    @property
    def share(self) -> float:
        """How many of the kills met work in flight."""
        return _share(kill.box_had_work for kill in self.kills)

    def report(self) -> Iterator[str]:
        """What was done, for people."""
        for service in SERVICES:
            of_it = [kill for kill in self.kills if kill.service == service]
            calls = ", ".join(f"{c} {n}" for c, n in Counter(k.call for k in of_it).most_common())
            share = _share(kill.had_work for kill in of_it)
            yield f"{service}: {len(of_it)} kills, {share:.0%} with work of its own ({calls})"
        yield (
            f"proved: {len(self.kills)} kills -9, {self.share:.0%} with films on their way, "
            f"{_share(kill.had_work for kill in self.kills):.0%} in the midst of work; "
            f"{self._world.story()}, all arrived, each with one data set; "
            f"{self.resends} sent again, byte for byte; "
            f"PACSs went {sum(guest.goings for guest in self._guests)} times; "
            f"settings changed {self._asker.answered} times; "
            f"{time.monotonic() - self._started_s:.0f} s"
        )

    # Killing

    def _kill(self, services: Services, kills: int) -> None:
        left = {name: kills // len(SERVICES) for name in SERVICES}
        left["watch"] += kills - sum(left.values())
        alive_since_s = dict.fromkeys(SERVICES, time.monotonic())
        with self._asker.asking():
            while any(left.values()):
                for ended in services.tend():
                    alive_since_s[ended.name] = time.monotonic()
                    self._note(ended, left, services)
                for guest in self._guests:
                    guest.turn()
                self._feed()
                for name, since_s in alive_since_s.items():
                    if left[name] and time.monotonic() - since_s > _AT_MOST_S:
                        alive_since_s[name] = time.monotonic()
                        self._plans.next_call.pop(name, None)  # it came to nothing
                        services.end(name)
        for guest in self._guests:
            guest.stay()

    def _note(self, ended: Ended, left: dict[str, int], services: Services) -> None:
        """Write down a kill that came as planned. Raises NotProved for any other end."""
        name = ended.name
        if ended.status != -signal.SIGKILL and not self._lost_its_reader(ended, services):
            msg = f"{name} ended with {ended.status}:\n{services.said()[-3000:]}"
            raise NotProved(msg)
        if not (left[name] and name in self._plans.next_call):
            return
        on_their_way = self._world.unfinished(self._look) > 0
        call = self._plans.next_call[name]
        self.kills.append(Kill(name, call, on_their_way, self._has_work(name)))
        left[name] -= 1
        if not left[name]:
            self._plans.spared.add(name)
        if len(self.kills) % _SAY_EVERY == 0:
            print(f"{len(self.kills)} kills, {self._world.count} films", flush=True)

    def _lost_its_reader(self, ended: Ended, services: Services) -> bool:
        """Whether it was the process that reads for convert that was killed, and convert left."""
        left = ended.name == "convert" and ended.status == 1
        return left and "stopped by itself" in services.said()[-_LAST_WORDS:]

    def _feed(self) -> None:
        """Have a film at the door all the time, and some on the road that wait for no PACS."""
        on_the_road = self._world.count - self._ahead()
        at_the_door = self._world.is_at_the_door(self._look) and self._world.called.waiting
        if on_the_road < _LEAST or (not at_the_door and on_the_road < _MOST):
            self._world.export()

    def _ahead(self) -> int:
        """How many films came at least as far as to have been sent once, or to have to wait."""
        return self._look.count(
            "SELECT count(DISTINCT item_id) FROM delivery "
            "WHERE state NOT IN ('prepared', 'active')"
        )

    def _has_work(self, service: str) -> bool:
        """Whether something in the service's own room is unfinished at this moment."""
        match service:
            case "watch":
                done = "SELECT count(*) FROM arrival JOIN item ON item.id = item_id "
                done += "WHERE settled IS NULL AND state = 'done' AND arrival.source = 'fetched'"
                return self._world.is_at_the_door(self._look) or self._look.count(done) > 0
            case "receive":
                return bool(self._world.called.waiting)
            case "convert":
                return self._look.count("SELECT count(*) FROM item WHERE state = 'arrived'") > 0
            case "deliver":
                on_their_way = "('converted', 'identified', 'routed')"
                query = f"SELECT count(*) FROM item WHERE state IN {on_their_way}"
                return self._look.count(query) > 0
            case _:
                to_purge = "SELECT count(*) FROM item WHERE state = 'done' AND purged_at IS NULL"
                return self._asker.is_waiting or self._look.count(to_purge) > 0

    # Counting

    def _settle(self, services: Services) -> None:
        """Nobody is killed any more; what waits for a second try gets it."""
        self._plans.spared.update(SERVICES)
        services.kill()
        until_s = time.monotonic() + _QUIET_WITHIN_S
        while left := self._world.unfinished(self._look):
            ended = services.tend(0.1)
            if ended or time.monotonic() > until_s:
                msg = f"{ended} {left} films are stuck: {self._stuck()} {services.said()[-3000:]}"
                raise NotProved(msg)

    def _stuck(self) -> str:
        items = self._look.rows("SELECT id, state, code, name FROM item WHERE state != 'done'")
        deliveries = self._look.rows(
            "SELECT item_id, state, code, tries, not_before FROM delivery "
            "WHERE state != 'confirmed'"
        )
        return f"{items} {deliveries}"

    def _count(self, services: Services) -> None:
        reckoning = self._world.reckon()
        self.resends = reckoning.resends
        faults = [
            *reckoning.faults,
            *verify(self._root, self._run),
            *self._asker.faults(self._root),
        ]
        if faults:
            raise NotProved("\n".join([*faults[:20], services.said()[-3000:]]))


def _share(flags: Iterable[bool]) -> float:
    """How many of them are true."""
    found = list(flags)
    return sum(found) / max(len(found), 1)


class Guest:
    """A PACS that comes and goes; it is there for some `there_s` at a time."""

    def __init__(self, pacs: Pacs, there_s: float) -> None:
        self.goings = 0
        self._pacs = pacs
        self._there_s = there_s
        self._random = Random(there_s)
        self._is_there = False
        self._next_s = 0.0

    def turn(self) -> None:
        """Come or go, if it is time."""
        if time.monotonic() < self._next_s:
            return
        if self._is_there:
            self._pacs.go()
            self.goings += 1
            rest_s = self._random.uniform(0.3, 1.5)
        else:
            self._pacs.come()
            rest_s = self._random.uniform(0.5, 1.5) * self._there_s
        self._is_there = not self._is_there
        self._next_s = time.monotonic() + rest_s

    def stay(self) -> None:
        """Be there from now on."""
        if not self._is_there:
            self._pacs.come()
            self._is_there = True


class Asker:
    """Somebody who keeps changing the settings, and remembers what was promised."""

    def __init__(self, world: World, run: Path) -> None:
        self.answered = 0
        self._world = world
        self._run = run
        self._possible: list[str] = []

    @property
    def is_waiting(self) -> bool:
        """Whether the last thing asked for was not answered."""
        return len(self._possible) > 1

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask until the end of the block."""
        over = threading.Event()
        thread = threading.Thread(target=self._ask_on, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _ask_on(self, over: threading.Event) -> None:
        """One text after another; an answer means that it is in force for good."""
        number = 0
        while not over.wait(0.05):
            number += 1
            text = self._world.settings(number, _NO_ROOM_TO_SPARE)
            self._possible.append(text)
            with suppress(NobodyAnswers, Declined):
                ask(self._run / "keeper.sock", {"op": "settings", "toml": text}, 5.0)
                self._possible = [text]
                self.answered += 1

    def faults(self, root: Path) -> list[str]:
        """The last text that was promised is in force, or one that was asked for after it."""
        text = (root / "etc" / "jembatan.toml").read_text(encoding="utf-8")
        if not self._possible or text in self._possible:
            return []
        return ["the settings in force are not those that keeper said were"]


if __name__ == "__main__":
    sys.exit(main())
