"""Owns the figure of a healthy destination among sick ones: its speed beside its speed alone.

One company is dead (nothing listens), one is slow (it takes 64 KB a second), one refuses the SOP
class. The service `deliver` runs over images that are ready to go; time counts between the first
and the last of them at the healthy destination, storescp.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from appliance.model import Instance, ItemState, Slice
from appliance.settings import history
from tests.bench.measure import memory_or_disk
from tests.builders.box import Box
from tests.builders.part10 import CR_IMAGE, EXPLICIT_LE, data_set
from tests.peers.orthanc import bound_to_us, free_port, stop
from tests.peers.scripted import Call, peer
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.peers.storescp import StoreScp

ROUNDS = 5
IMAGES = 1000
SIZE_BYTES = 500_000
HEALTHY = "healthy"
SICK = ("dead", "slow", "picky")
AIM_PERCENT = 95
WITHIN_S = 300
_LOOK_S = 0.005
_SLOW_BYTES_S = 64_000
_STEP_S = 0.1

DESTINATION = """
[[destination]]
name = "{name}"
host = "127.0.0.1"
port = {port}
ae_title = "PACS"
associations = 1
confirm = "response"
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.healthy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--images", type=int, default=IMAGES)
    options = parser.parse_args(arguments)
    rates: dict[tuple[str, ...], list[float]] = {(): [], SICK: []}
    with tempfile.TemporaryDirectory() as folder:
        for company in rates:
            ready(_store(folder, company), options.images, (HEALTHY, *company))
        for _ in range(options.rounds):
            for company, found in rates.items():
                found.append(rate(_store(folder, company), options.images, company))
    alone, accompanied = median(rates[()]), median(rates[SICK])
    percent = accompanied / alone * 100
    verdict = "reached" if percent >= AIM_PERCENT else "MISSED"
    print(
        f"a healthy destination, {options.images} x 0.5 MB: {alone:.1f} images/s alone, "
        f"{accompanied:.1f} beside a dead one, a slow one and one that refuses the SOP class: "
        f"{percent:.0f} % (aim {AIM_PERCENT}: {verdict})",
        flush=True,
    )
    return 0


def _store(folder: str, company: tuple[str, ...]) -> Path:
    return Path(folder) / "-".join((HEALTHY, *company))


def rate(made: Path, images: int, company: tuple[str, ...]) -> float:
    """Images a second at the healthy destination, from a copy of a box that was made ready."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory(dir=memory_or_disk()) as received,
        storescp(Path(received)) as scp,
        peer(slow) as tired,
        peer(refuses) as picky,
    ):
        ports = {"dead": free_port(), "slow": tired.port, "picky": picky.port}
        destinations = {HEALTHY: scp.port, **{name: ports[name] for name in company}}
        root = Path(folder) / "box"
        shutil.copytree(made, root)
        history.publish(
            root, "".join(DESTINATION.format(name=n, port=p) for n, p in destinations.items())
        )
        subprocess.run(["sync"], check=True)
        with delivering(root):
            return measured(scp, images)


def ready(root: Path, images: int, destinations: tuple[str, ...]) -> None:
    """A box whose journal has that many images, each composed for every destination."""
    box = Box(root)
    noise = os.urandom(SIZE_BYTES)
    for number in range(images):
        uid = f"1.2.3.{number + 1}"
        item = box.accept(f"{number}.dcm", data_set(uid, noise))
        box.convert()
        box.identify()
        whole = Slice(box.journal.spool.path(item.sha256), 0, item.size_bytes)
        instance = Instance(1, CR_IMAGE, uid, "1.2.4", "1.2.5", EXPLICIT_LE, "", (whole,))
        claimed = box.claim(ItemState.IDENTIFIED)
        box.journal.items.routed(claimed, dict.fromkeys(destinations, (instance,)))
    box.close()


@contextmanager
def delivering(root: Path) -> Iterator[None]:
    """The service at work."""
    program = [sys.executable, "-m", "appliance.services.deliver", "--root", str(root)]
    with (root.parent / "deliver.log").open("wb") as log:
        process = subprocess.Popen(bound_to_us(*program), stderr=log)
    try:
        yield
    finally:
        stop(process)


def measured(scp: StoreScp, images: int) -> float:
    """Images a second, from the first that is there to the last."""
    until_s = time.monotonic() + WITHIN_S
    first, first_s = 0, 0.0
    while (count := sum(1 for _ in scp.folder.iterdir())) < images:
        now_s = time.monotonic()
        if not first:
            first, first_s = count, now_s
        if now_s > until_s:
            message = f"only {count} of {images} images arrived in {WITHIN_S} s"
            raise RuntimeError(message)
        time.sleep(_LOOK_S)
    return (images - first) / (time.monotonic() - first_s)


def slow(call: Call) -> None:
    """The script of a peer that takes its time for every byte."""
    call.accept()
    while not call.closing.wait(_STEP_S):
        call.exactly(int(_SLOW_BYTES_S * _STEP_S))


def refuses(call: Call) -> None:
    """The script of a peer that does not take these images."""
    call.accept(result=lambda _sop_class, _syntax: 3)
    list(call.requests())


if __name__ == "__main__":
    sys.exit(main())
