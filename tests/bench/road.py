"""Owns the figures of the whole road: a film's time on its way, what it costs disk and memory.

The box's state lies on an ext4 file system of its own (a loop device, so root is needed), whose
written sectors the kernel counts. The exports lie elsewhere, as they do on a share or a stick.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

import numpy as np

from tests.builders import pictures
from tests.builders.running import running
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.builders.running import Running

FILMS = 60
ROWS, COLUMNS = 1920, 1953  # 7.5 MB of 16 bits
SECTOR_BYTES = 512
IDLE_S = 60
MS = 1000

SETTINGS = """
[[source]]
name = "cr"
kind = "folder"
path = "{export}"
profile = "cr"
[[profile]]
name = "cr"
sop_class = "CR"
identity = "trust"
filename = '(?P<PatientID>[^_]+)_(?P<AccessionNumber>[^_]+)_(?P<StudyDate>\\d{8})'
[[destination]]
name = "pacs"
host = "127.0.0.1"
port = PORT
ae_title = "STORESCP"
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, storescp(Path(folder)) as scp:
        root = Path(folder)
        with _disk(root) as device, running(root, SETTINGS.replace("PORT", str(scp.port))) as box:
            _drop(box, 0)
            box.wait(lambda status: status["items"].get("done") == 1)
            before = _written_bytes(device)
            closed_at = [_drop(box, number) for number in range(1, FILMS + 1)]
            box.wait(lambda status: status["items"].get("done") == FILMS + 1)
            subprocess.run(["sync"], check=True)
            written = _written_bytes(device) - before
            _say_times(_latencies(box, closed_at))
            accepted = FILMS * ROWS * COLUMNS * 2
            print(f"written to the journal's disk per byte accepted: {written / accepted:.3f}")
            time.sleep(IDLE_S)
            print(f"all services idle for {IDLE_S} s: {_pss_mb(box):.0f} MB PSS")
    return 0


@contextmanager
def _disk(root: Path) -> Iterator[str]:
    """An ext4 file system at root/box; the name of its block device."""
    image, place = root / "disk.ext4", root / "box"
    place.mkdir()
    subprocess.run(["truncate", "--size=2G", str(image)], check=True)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop,noatime,commit=5", str(image), str(place)], check=True)
    source = subprocess.run(
        ["findmnt", "-no", "SOURCE", str(place)], check=True, capture_output=True, text=True
    )
    try:
        yield Path(source.stdout.strip()).name
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _written_bytes(device: str) -> int:
    """Field 7 of /sys/block/DEVICE/stat: sectors written."""
    subprocess.run(["sync"], check=True)
    return int(Path(f"/sys/block/{device}/stat").read_text().split()[6]) * SECTOR_BYTES


def _drop(box: Running, number: int) -> datetime:
    """Write a film as a modality does; the moment it was closed."""
    noise = np.random.default_rng(number).integers(0, 4096, (ROWS, COLUMNS), np.uint16)
    content = pictures.tiff(noise)
    time.sleep(0.5)
    (box.export / f"P{number}_A{number}_20260102.tif").write_bytes(content)
    return datetime.now().astimezone()


def _latencies(box: Running, closed_at: list[datetime]) -> list[float]:
    """Seconds from each film's close to the C-STORE response, by the journal's history."""
    with box.journal() as journal:
        sent = {
            row["item_id"]: datetime.fromisoformat(row["at"])
            for film in journal.ledger.films("", "", "9", 1000)
            for row in journal.ledger.history(film["id"])
            if row["after"] == "sent"
        }
    moments = [moment for _, moment in sorted(sent.items())][1:]
    return [(at - began).total_seconds() for began, at in zip(closed_at, moments, strict=True)]


def _say_times(seconds: list[float]) -> None:
    cuts = quantiles(seconds, n=100, method="inclusive")
    print(
        f"folder close to C-STORE response, {len(seconds)} TIFFs of 7.5 MB: "
        f"p50 {cuts[49] * MS:.0f} ms, p99 {cuts[98] * MS:.0f} ms"
    )


def _pss_mb(box: Running) -> float:
    """Of `jembatan run` and its children; convert may be leaving just now."""
    family = subprocess.run(
        ["pgrep", "-P", str(box.process.pid)], check=False, capture_output=True, text=True
    )
    pids = [str(box.process.pid), *family.stdout.split()]
    return sum(map(_pss_kb, pids)) / 1024


def _pss_kb(pid: str) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
