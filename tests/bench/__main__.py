"""Owns `./dev bench`: the product's sender beside dcmsend and storescu, as users run them.

Every run starts a process and ends with it, over one association (more are rows of their own);
rounds alternate between the senders; what arrived is counted at the receiver. The ceiling is a
sender that only pushes the same bytes, recorded before, down a socket. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.bench import ceiling, convert, healthy, line, receive, road, whole
from tests.bench.measure import Cost, memory_or_disk, run
from tests.bench.sets import ImageSet, made
from tests.peers.orthanc import orthanc
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from appliance.dicom.association import Target

JEMBATAN = "jembatan send"
CEILING = "the ceiling"
ROUNDS = 5
MORE_ASSOCIATIONS = (2, 4)
MOST_CPU = 1.5  # times dcmsend's
MOST_MB = 64
GB, MB = 1e9, 1e6


@dataclass(frozen=True)
class Receiver:
    """Where images go, and how many it has now."""

    name: str
    target: Target
    count: Callable[[], int]
    clear: Callable[[], None]


@dataclass(frozen=True)
class Race:
    """One set of images to one receiver; `aim`: how many times as fast as dcmsend, at least."""

    images: ImageSet
    receiver: Receiver
    aim: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one round with a tenth of the images, in which starting up counts most",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fast = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=memory_or_disk())))
        say(f"Sent from {folder}, received in {fast}.")
        races = list(prepared(stack, folder, fast, 10 if options.quick else 1))
        say(HEAD)
        for race in races:
            costs = quick(race) if options.quick else full(race, fast, options.rounds)
            for each in lines(race, costs, judged=not options.quick):
                say(each)
    return 0 if options.quick else the_rest()


def the_rest() -> int:
    """What is no race of senders over loopback."""
    parts = (line.main, healthy.main, whole.main, receive.main, convert.main)
    return road.main() or max(part([]) for part in parts)


def quick(race: Race) -> dict[str, list[Cost]]:
    """One round of what the aims are about."""
    return raced(race, {name: senders(race)[name] for name in (JEMBATAN, "dcmsend")}, 1)


def full(race: Race, folder: Path, rounds: int) -> dict[str, list[Cost]]:
    """Everybody, the ceiling too."""
    with recorded(race, folder) as pushing:
        return raced(race, {**senders(race), CEILING: pushing}, rounds)


@contextmanager
def recorded(race: Race, folder: Path) -> Iterator[list[str]]:
    """The command that pushes what `jembatan send` says of these images to this receiver."""
    target, recording = race.receiver.target, folder / "recording"
    with ceiling.recorder(target.port, recording) as port:
        run(ours(race, replace(target, port=port)))
    program = [sys.executable, "-I", ceiling.__file__, target.host, str(target.port)]
    yield [*program, str(recording)]
    recording.unlink()


def prepared(stack: ExitStack, folder: Path, fast: Path, part: int) -> Iterator[Race]:
    """The sets, so small a part of them, and the receivers, and which is sent where."""
    films = made(folder, f"{600 // part} x 0.5 MB", 600 // part, 500_000)
    large_films = made(folder, f"{60 // part} x 7.5 MB", 60 // part, 7_500_000)
    huge = made(folder, f"1 x {1000 // part} MB", 1, 1_000_000_000 // part)
    scp = stack.enter_context(storescp(fast))
    pacs = stack.enter_context(orthanc(fast / "orthanc"))

    def clear_files() -> None:
        for path in scp.received():
            path.unlink()

    def clear_pacs() -> None:
        for patient in pacs.get("/patients"):
            pacs.delete("patients", patient)

    plain = Receiver("storescp", scp.target, lambda: len(scp.received()), clear_files)
    real = Receiver("Orthanc", pacs.target, pacs.count, clear_pacs)
    yield Race(films, plain, 10)
    yield Race(films, real, 5)
    yield Race(large_films, plain, 3)
    yield Race(large_films, real, 1.4)
    yield Race(huge, plain, 1)


def raced(race: Race, commands: Mapping[str, list[str]], rounds: int) -> dict[str, list[Cost]]:
    """The costs of each sender, its runs spread evenly over the time, in changing order."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    order = deque(commands.items())
    for _ in range(rounds):
        for name, command in order:
            race.receiver.clear()
            costs[name].append(run(command))
            arrived = race.receiver.count()
            if arrived != race.images.count:
                message = f"{name}: {arrived} of {race.images.count} images arrived"
                raise RuntimeError(message)
        order.rotate()
    race.receiver.clear()
    return costs


def senders(race: Race) -> dict[str, list[str]]:
    target, folder = race.receiver.target, str(race.images.folder)
    theirs = ["-aet", target.calling, "-aec", target.called, "+sd", "+r"]
    place = [target.host, str(target.port), folder]
    more = MORE_ASSOCIATIONS if race.images.count > 1 else ()
    return {
        JEMBATAN: ours(race, target),
        **{f"{JEMBATAN}, {n} associations": ours(race, target, n) for n in more},
        "dcmsend": ["dcmsend", *theirs, *place],
        "storescu": ["storescu", *theirs, *place],
    }


def ours(race: Race, target: Target, associations: int = 1) -> list[str]:
    to = f"{target.called}@{target.host}:{target.port}"
    command = [sys.executable, "-m", "appliance", "send", str(race.images.folder), "--to", to]
    return [*command, "--associations", str(associations)]


HEAD = """\
| images | to | sender | s | MB/s | x dcmsend | CPU s/GB | peak MB |
|---|---|---|---:|---:|---:|---:|---:|"""


def lines(race: Race, costs: dict[str, list[Cost]], *, judged: bool) -> Iterator[str]:
    """One row for each sender; the product's own says whether it reached its aims."""
    total = race.images.total_bytes
    theirs = Middle.of(costs["dcmsend"])
    for name, runs in costs.items():
        cost = Middle.of(runs)
        times = theirs.wall_s / cost.wall_s
        verdicts = ("", "", "")
        if name == JEMBATAN and judged:
            verdicts = (
                verdict(f"aim {race.aim:g}", reached=times >= race.aim),
                verdict(
                    f"at most {MOST_CPU:g} x dcmsend",
                    reached=cost.cpu_s <= MOST_CPU * theirs.cpu_s,
                ),
                verdict(f"at most {MOST_MB}", reached=cost.peak_bytes <= MOST_MB * MB),
            )
        yield (
            f"| {race.images.name} | {race.receiver.name} | {name} | {cost.wall_s:.2f} "
            f"| {total / cost.wall_s / MB:.0f} | {times:.1f}{verdicts[0]} "
            f"| {cost.cpu_s * GB / total:.2f}{verdicts[1]} "
            f"| {cost.peak_bytes / MB:.0f}{verdicts[2]} |"
        )


@dataclass(frozen=True)
class Middle:
    """The medians of several runs, and the most memory that any took."""

    wall_s: float
    cpu_s: float
    peak_bytes: int

    @classmethod
    def of(cls, runs: list[Cost]) -> Middle:
        return cls(
            median(cost.wall_s for cost in runs),
            median(cost.cpu_s for cost in runs),
            max(cost.peak_bytes for cost in runs),
        )


def verdict(aim: str, *, reached: bool) -> str:
    return f" ({aim}: {'reached' if reached else 'MISSED'})"


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
