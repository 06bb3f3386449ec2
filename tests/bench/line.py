"""Owns the figures of a long line: 40 ms there and back, 10 Mbit/s; how much of it images get.

The receiver is storescp at the far end. What the line carries is counted as TCP does: of each
packet's 1,500 bytes 52 are TCP's and IP's own. The ceiling pushes the same bytes without waiting
for anything; one association waits 40 ms after each image, so small ones want several. Needs root.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.bench import ceiling
from tests.bench.measure import run
from tests.bench.sets import made
from tests.peers.long_line import BITS_S, long_line
from tests.peers.orthanc import bound_to_us, stop
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.bench.sets import ImageSet
    from tests.peers.long_line import LongLine

ROUNDS = 3
PORT = 11112
AIM_PERCENT = 95
LARGE, SMALL = 7_500_000, 500_000
JUDGED = {LARGE: "jembatan send", SMALL: "jembatan send, 3 associations"}
CARRIED_BITS_S = BITS_S * 1448 / 1500
_LISTENING = f":{PORT:04X} 00000000:0000 0A "
_TRIES, _TRY_S = 500, 0.02


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.line", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--quick", action="store_true", help="a quarter of the images")
    options = parser.parse_args(arguments)
    part = 4 if options.quick else 1
    with tempfile.TemporaryDirectory() as folder, long_line() as line:
        root = Path(folder)
        print(HEAD, flush=True)
        for images in (
            made(root, "4 x 7.5 MB", 4 // part, LARGE),
            made(root, "40 x 0.5 MB", 40 // part, SMALL),
        ):
            for row in rows(root, line, images, options.rounds):
                print(row, flush=True)
    return 0


HEAD = f"""\
Over a line of {BITS_S / 1e6:.0f} Mbit/s and 40 ms there and back, to storescp:

| images | sender | s | % of the line |
|---|---|---:|---:|"""


def rows(root: Path, line: LongLine, images: ImageSet, rounds: int) -> Iterator[str]:
    commands = senders(line, images, recorded(root, images))
    took_s: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            took_s[name].append(sent(root, line, images, command))
    for name, seconds in took_s.items():
        percent = images.total_bytes * 8 / CARRIED_BITS_S / median(seconds) * 100
        verdict = ""
        if name == JUDGED[images.size_bytes]:
            verdict = f" (aim {AIM_PERCENT}: {'reached' if percent >= AIM_PERCENT else 'MISSED'})"
        yield f"| {images.name} | {name} | {median(seconds):.2f} | {percent:.1f}{verdict} |"


def recorded(root: Path, images: ImageSet) -> Path:
    """What `jembatan send` says of these images to a storescp."""
    recording = root / f"{images.folder.name}.recording"
    with storescp(root / "recorded") as scp, ceiling.recorder(scp.port, recording) as port:
        run(ours(f"127.0.0.1:{port}", images, 1))
    return recording


def ours(place: str, images: ImageSet, associations: int) -> list[str]:
    program = [sys.executable, "-m", "appliance", "send", str(images.folder)]
    return [*program, "--to", f"STORESCP@{place}", "--associations", str(associations)]


def senders(line: LongLine, images: ImageSet, recording: Path) -> dict[str, list[str]]:
    host, port = line.far_host, str(PORT)
    pushing = [sys.executable, "-I", ceiling.__file__, host, port, str(recording)]
    commands = {
        "jembatan send": ours(f"{host}:{port}", images, 1),
        "jembatan send, 2 associations": ours(f"{host}:{port}", images, 2),
        "jembatan send, 3 associations": ours(f"{host}:{port}", images, 3),
        "dcmsend": ["dcmsend", "-aec", "STORESCP", "+sd", "+r", host, port, str(images.folder)],
        "the ceiling": pushing,
    }
    return {name: line.near_command(*command) for name, command in commands.items()}


def sent(root: Path, line: LongLine, images: ImageSet, command: Sequence[str]) -> float:
    """Send the set to a fresh receiver; seconds."""
    with tempfile.TemporaryDirectory(dir=root) as folder:
        with receiving(line, Path(folder)):
            seconds = run(command).wall_s
        arrived = len(list(Path(folder).iterdir()))
    if arrived != images.count:
        message = f"{' '.join(command)}: {arrived} of {images.count} images arrived"
        raise RuntimeError(message)
    return seconds


@contextmanager
def receiving(line: LongLine, folder: Path) -> Iterator[None]:
    """A storescp at the far end."""
    command = ["storescp", "--fork", "+uf", "+B", "+xa", "-od", str(folder), str(PORT)]
    process = subprocess.Popen(line.far_command(*bound_to_us(*command)))
    try:
        for _ in range(_TRIES):
            if _LISTENING in Path(f"/proc/{process.pid}/net/tcp").read_text():
                break
            time.sleep(_TRY_S)
        yield
    finally:
        stop(process)


if __name__ == "__main__":
    sys.exit(main())
