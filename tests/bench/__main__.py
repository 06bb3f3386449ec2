"""Owns `./dev bench`: the product's sender beside dcmsend and storescu, as users run them.

Every run starts a process and ends with it, over one association; rounds alternate between the
senders; what arrived is counted at the receiver. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.bench import convert, receive, road
from tests.bench.measure import Cost, run
from tests.bench.sets import ImageSet, made
from tests.peers.orthanc import orthanc
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from appliance.dicom.association import Target

JEMBATAN = "jembatan send"
ROUNDS = 5
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
        "--quick", action="store_true", help="one round with a tenth of the images"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fast = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=_memory_or_disk())))
        say(f"Sent from {folder}, received in {fast}.")
        races = list(prepared(stack, folder, fast))
        say(HEAD)
        for race in races:
            costs = quick(race) if options.quick else raced(race, senders(race), options.rounds)
            for line in lines(race, costs):
                say(line)
    return 0 if options.quick else road.main() or receive.main([]) or convert.main([])


def quick(race: Race) -> dict[str, list[Cost]]:
    """One round of what the aims are about."""
    chosen = {name: command for name, command in senders(race).items() if name != "storescu"}
    return raced(race, chosen, 1)


def prepared(stack: ExitStack, folder: Path, fast: Path) -> Iterator[Race]:
    """The sets and the receivers, and which is sent where."""
    films = made(folder, "600 x 0.5 MB", 600, 500_000)
    large_films = made(folder, "60 x 7.5 MB", 60, 7_500_000)
    huge = made(folder, "1 x 1 GB", 1, 1_000_000_000)
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
    yield Race(films, plain, 8)
    yield Race(films, real, 4)
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
    to = f"{target.called}@{target.host}:{target.port}"
    theirs = ["-aet", target.calling, "-aec", target.called, "+sd", "+r"]
    place = [target.host, str(target.port), folder]
    return {
        JEMBATAN: [sys.executable, "-m", "appliance", "send", folder, "--to", to],
        "dcmsend": ["dcmsend", *theirs, *place],
        "storescu": ["storescu", *theirs, *place],
    }


HEAD = """\
| images | to | sender | s | MB/s | x dcmsend | CPU s/GB | peak MB |
|---|---|---|---:|---:|---:|---:|---:|"""


def lines(race: Race, costs: dict[str, list[Cost]]) -> Iterator[str]:
    """One row for each sender; the product's own says whether it reached its aim."""
    total = race.images.total_bytes
    theirs_s = median(cost.wall_s for cost in costs["dcmsend"])
    for name, runs in costs.items():
        wall_s = median(cost.wall_s for cost in runs)
        times = f"{theirs_s / wall_s:.1f}"
        if name == JEMBATAN:
            verdict = "reached" if theirs_s / wall_s >= race.aim else "MISSED"
            times += f" (aim {race.aim:g}: {verdict})"
        cpu = median(cost.cpu_s for cost in runs) * GB / total
        peak = max(cost.peak_bytes for cost in runs) / MB
        yield (
            f"| {race.images.name} | {race.receiver.name} | {name} | {wall_s:.2f} "
            f"| {total / wall_s / MB:.0f} | {times} | {cpu:.2f} | {peak:.0f} |"
        )


def say(line: str) -> None:
    print(line, flush=True)


def _memory_or_disk() -> str | None:
    """Where the receivers write: in memory if there is room, for it is not their disk we race."""
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and shutil.disk_usage(shared).free > 4 * GB
    return str(shared) if roomy else None


if __name__ == "__main__":
    sys.exit(main())
