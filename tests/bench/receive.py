"""Owns the figures of the receiver: objects a second beside storescp and Orthanc, and its memory.

Four modalities at once, the same ones to each receiver in turn, on the same disk; what arrived is
counted. The product answers only when file and row are on the card; storescp never syncs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from appliance.dicom.association import Link, Target
from appliance.model import Instance, Slice
from tests.bench.measure import high_water_bytes
from tests.bench.sets import made
from tests.builders.box import Box
from tests.builders.part10 import CR_IMAGE, EXPLICIT_LE, element
from tests.peers.orthanc import free_port, orthanc
from tests.peers.ports import server
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

MODALITIES = 4
IMAGES = 500
SIZE_BYTES = 500_000
LARGE_BYTES = 1_000_000_000
ROUNDS = 3
MB = 1e6
CHECKOUT = Path(__file__).parents[2]
ALLOWED = ("JEMBATAN", "DCMSEND", "STORESCU")

SETTINGS = """
[box]
listen_port = {port}
[[source]]
name = "cr"
kind = "receiver"
allow = [{allow}]
"""


@dataclass(frozen=True)
class Receiver:
    """One that takes objects, and how many it has."""

    target: Target
    count: Callable[[], int]
    pid: int = 0


@contextmanager
def ours(folder: Path) -> Iterator[Receiver]:
    """The receive service alone, as the others stand alone; nothing behind it takes its time."""
    port = free_port()
    (folder / "etc").mkdir(parents=True)
    allow = ", ".join(f'{{ ae_title = "{name}", host = "127.0.0.1" }}' for name in ALLOWED)
    (folder / "etc" / "jembatan.toml").write_text(SETTINGS.format(port=port, allow=allow))
    command = [sys.executable, "-m", "appliance.services.receive", "--root", str(folder)]

    def count() -> int:
        box = Box(folder)
        try:
            return sum(box.journal.ledger.item_counts().values())
        finally:
            box.close()

    with server(command, port, folder / "log") as process:
        yield Receiver(Target("127.0.0.1", port, "JEMBATAN", "JEMBATAN"), count, process.pid)


@contextmanager
def theirs(folder: Path) -> Iterator[Receiver]:
    """DCMTK's storescp."""
    with storescp(folder) as scp:
        yield Receiver(scp.target, lambda: len(scp.received()))


@contextmanager
def pacs(folder: Path) -> Iterator[Receiver]:
    """Orthanc."""
    with orthanc(folder, (0, 0), *ALLOWED) as running:
        yield Receiver(running.target, running.count)


RECEIVERS: dict[str, Callable[[Path], AbstractContextManager[Receiver]]] = {
    "jembatan": ours,
    "storescp": theirs,
    "Orthanc": pacs,
}


def commands(sender: str, target: Target, folder: Path) -> list[str]:
    """One modality."""
    if sender == "jembatan send":
        to = f"{target.called}@{target.host}:{target.port}"
        return [sys.executable, "-m", "appliance", "send", str(folder), "--to", to]
    names = ["-aet", sender.upper(), "-aec", target.called, "+sd", "+r"]
    return [sender, *names, target.host, str(target.port), str(folder)]


def seconds(sender: str, receiver: Receiver, folders: list[Path]) -> float:
    """How long the modalities take, from the first start to the last end."""
    os.sync()  # what an earlier run left to be written back is not this one's
    start_s = time.perf_counter()
    running = [
        subprocess.Popen(
            commands(sender, receiver.target, folder),
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for folder in folders
    ]
    if any(process.wait() for process in running):
        raise RuntimeError(sender)
    return time.perf_counter() - start_s


def raced(root: Path, sender: str, folders: list[Path], rounds: int) -> dict[str, list[float]]:
    """Objects a second at each receiver; rounds alternate between them."""
    rates: dict[str, list[float]] = {name: [] for name in RECEIVERS}
    for number in range(rounds):
        for name, receiver in RECEIVERS.items():
            folder = root / f"{name}-{sender.replace(' ', '-')}-{number}"
            folder.mkdir()
            with receiver(folder) as running:
                took_s = seconds(sender, running, folders)
                arrived = running.count()
            wanted = IMAGES * MODALITIES
            if arrived != wanted:
                message = f"{sender} to {name}: {arrived} of {wanted} objects arrived"
                raise RuntimeError(message)
            rates[name].append(wanted / took_s)
    return rates


def large(root: Path) -> str:
    """The memory that an object of 1,000 MB takes."""
    folder = root / "large"
    folder.mkdir()
    film = folder / "pixels"
    with film.open("wb") as file:
        file.truncate(LARGE_BYTES)
    head = b"".join(
        element(tag, vr, value)
        for tag, vr, value in (
            (0x00080016, "UI", CR_IMAGE),
            (0x00080018, "UI", "1.2.3.1"),
            (0x0020000E, "UI", "1.2.3.2"),
        )
    )
    head += element(0x7FE00010, "OW", b"")[:-4] + LARGE_BYTES.to_bytes(4, "little")
    with ours(folder / "box") as receiver:
        start_s = time.perf_counter()
        with Link.open(receiver.target, [(CR_IMAGE, EXPLICIT_LE)]) as link:
            answer = link.store(_instance(head, film))
        took_s = time.perf_counter() - start_s
        peak_mb = high_water_bytes(receiver.pid) / MB
    verdict = "stored" if answer.status == 0 else answer.words
    return f"an object of 1,000 MB: {verdict} in {took_s:.1f} s, peak {peak_mb:.0f} MB"


def _instance(head: bytes, pixels: Path) -> Instance:
    pieces = (head, Slice(pixels, 0, LARGE_BYTES))
    return Instance(1, CR_IMAGE, "1.2.3.1", "", "", EXPLICIT_LE, "", pieces)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.receive", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--senders", default="jembatan send,dcmsend,storescu")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        folders = []
        for number in range(MODALITIES):
            (root / str(number)).mkdir()
            size_bytes = SIZE_BYTES + 2 * number  # which makes the UIDs differ
            folders.append(made(root / str(number), "films", IMAGES, size_bytes).folder)
        say(HEAD)
        for sender in options.senders.split(","):
            say(line(sender, raced(root, sender, folders, options.rounds)))
        say(large(root))
    return 0


HEAD = f"""\
{MODALITIES} modalities at once, {IMAGES} x 0.5 MB each; objects received in a second:

| sent by | jembatan | storescp | Orthanc | x storescp | x Orthanc |
|---|---:|---:|---:|---:|---:|"""


def line(sender: str, rates: dict[str, list[float]]) -> str:
    mine, plain, archive = (median(rates[name]) for name in RECEIVERS)
    return (
        f"| {sender} | {mine:.0f} | {plain:.0f} | {archive:.0f} "
        f"| {mine / plain:.1f} | {mine / archive:.1f} |"
    )


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
