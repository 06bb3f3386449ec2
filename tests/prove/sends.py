"""Proves that no response is lost and no send stalls, however fast the peer: 200,000 objects.

pynetdicom's reactor thread takes a response off the queue that its sender waits on about once in
3,500 sends to a fast peer; stock senders stall 40 ms for a delayed acknowledgement at each object.
Half of the peers here answer in one segment, half in two as DCMTK does. A send counts as stalled
where it took 40 ms or more and neither side waited for a processor meanwhile.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.dicom.association import Link, Patience, Target
from appliance.model import Instance
from tests.builders.part10 import CR_IMAGE, EXPLICIT_LE
from tests.peers.fast import fast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.peers.fast import Fast

COUNT = 200_000
STALL_S = 0.040  # the least that Linux delays an acknowledgement (tcp(7), TCP_QUICKACK)
_SIZES = range(40, 4000, 46)
_ANSWER_S = 10.0
_LOOK_EVERY = 64
_NS = 1e9


@dataclass
class Tally:
    """What became of the sends of one association."""

    lost: int = 0
    stalled: int = 0
    preempted: int = 0  # slow, but only because this machine had no processor for one side
    seconds: list[float] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev prove sends", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="how many objects")
    count = parser.parse_args().count
    wrong = 0
    for associations, options in ((1, ()), (1, ("--in-two",)), (4, ()), (4, ("--in-two",))):
        wrong += proved(count // 4, associations, *options)
    return min(wrong, 1)


def proved(count: int, associations: int, *options: str) -> int:
    """Send `count` objects; how many responses were lost, sends stalled, objects missing."""
    with fast(*options) as peer:
        begun_s = time.perf_counter()
        with ThreadPoolExecutor(associations) as crew:
            shares = [count // associations] * associations
            tallies = list(crew.map(lambda share: sent(peer, share), shares))
        took_s = time.perf_counter() - begun_s
        arrived = sum(peer.count() for _ in range(associations))
    missing = sum(shares) - arrived
    lost, stalled = sum(t.lost for t in tallies), sum(t.stalled for t in tallies)
    each = sorted(second for tally in tallies for second in tally.seconds)
    print(
        f"{sum(shares)} objects, {associations} association(s), answered "
        f"{'in two segments' if options else 'in one segment'}: {lost} responses lost, "
        f"{stalled} stalls, {missing} objects missing; {sum(shares) / took_s:.0f} objects/s, "
        f"median {each[len(each) // 2] * 1e3:.2f} ms, longest {each[-1] * 1e3:.0f} ms, "
        f"{sum(t.preempted for t in tallies)} waited for a processor",
        flush=True,
    )
    return lost + stalled + abs(missing)


def sent(peer: Fast, count: int) -> Tally:
    """Send `count` objects over one association."""
    tally = Tally()
    waits = _Waits(peer.pid)
    target = Target("127.0.0.1", peer.port, "FAST", "JEMBATAN")
    with Link.open(target, [(CR_IMAGE, EXPLICIT_LE)], Patience(dimse_s=_ANSWER_S)) as link:
        for number, instance in enumerate(islice(_objects(), count)):
            if number % _LOOK_EVERY == 0:
                waits.look()
            begun_s = time.perf_counter()
            tally.lost += link.store(instance).status != 0
            took_s = time.perf_counter() - begun_s
            tally.seconds.append(took_s)
            if took_s >= STALL_S:
                excused = took_s - waits.look() < STALL_S
                tally.preempted += excused
                tally.stalled += not excused
    return tally


def _objects() -> Iterator[Instance]:
    """Small objects of every length up to a few thousand bytes."""
    for number, size in enumerate(cycle(_SIZES)):
        uid = f"1.2.3.{number}"
        yield Instance(1, CR_IMAGE, uid, "1.2", "1.2.1", EXPLICIT_LE, "", (bytes(size),))


class _Waits:
    """How long threads of this process and of the peer were ready to run and had no processor.

    All threads of ours: one that is stopped while it holds the interpreter stops the others.
    """

    def __init__(self, peer: int) -> None:
        self._children = Path(f"/proc/{peer}/task/{peer}/children")
        self._before_ns = 0

    def look(self) -> float:
        """Seconds since the last look."""
        now_ns = sum(map(_waited_ns, self._threads()))
        since_ns, self._before_ns = now_ns - self._before_ns, now_ns
        return since_ns / _NS

    def _threads(self) -> Iterator[Path]:
        yield from Path("/proc/self/task").glob("*/schedstat")
        for pid in self._children.read_text().split():
            yield Path(f"/proc/{pid}/schedstat")


def _waited_ns(schedstat: Path) -> int:
    """The second field: time spent waiting on a runqueue."""
    try:
        return int(schedstat.read_text().split()[1])
    except OSError:  # it has ended
        return 0


if __name__ == "__main__":
    sys.exit(main())
