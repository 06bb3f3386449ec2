"""Owns the card of an appliance under proof: a built image as flashed, on a card larger than it,
its FAT partition as a person's computer shows it.

A card is layers (qcow2) over the image: what one round wrote is gone with its layer.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECTOR = 512
_STATE = 65
"""Where a FAT32 keeps its state, from its beginning."""
_OPEN_S = 30
_PIECE = 1 << 20


class Part(NamedTuple):
    """Where a partition lies, in bytes."""

    start: int
    size: int


class Card:
    """One card; only to look at while a machine that uses it has power."""

    def __init__(self, path: Path, form: str = "qcow2") -> None:
        self.path = path
        self.form = form

    @classmethod
    def flashed(cls, image: Path, path: Path, gib: int) -> Card:
        """A card of that size with the image on it."""
        return cls(image.resolve(), "raw").layer(path, gib)

    def layer(self, path: Path, gib: int = 0) -> Card:
        """Another card that begins as this one, which must not change any more."""
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", self.form]
        _run(*command, "-b", self.path, path, *([f"{gib}G"] if gib else []))
        return Card(path)

    @contextmanager
    def opened(self, *, writable: bool = False) -> Iterator[Path]:
        """All of it as one file."""
        nodes = [f"driver=file,node-name=file,filename={self.path},locking=off"]
        nodes.append(f"driver={self.form},node-name=card,file=file")
        with TemporaryDirectory() as folder:
            whole = Path(folder, "card")
            whole.touch()
            export = f"type=fuse,id=card,node-name=card,mountpoint={whole}"
            command = ["qemu-storage-daemon"]
            for node in nodes:
                command += ["--blockdev", node if writable else f"{node},read-only=on"]
            command += ["--export", f"{export},writable={'on' if writable else 'off'}"]
            with subprocess.Popen(command, stdin=subprocess.DEVNULL) as daemon:
                try:
                    wait_for("the card opened", lambda: whole.stat().st_size, _OPEN_S, 0.02)
                    yield whole
                finally:
                    daemon.terminate()

    def part(self, number: int) -> Part:
        """A partition by the table (MBR)."""
        with self.opened() as whole:
            return _part(whole, number)

    # A FAT partition

    def read(self, name: str, number: int = 1) -> bytes | None:
        """A file of partition 1 (or another FAT), None where it is not there."""
        with self._fat(number) as fat:
            command = ["mcopy", "-n", "-i", fat, f"::/{name}", "-"]
            done = subprocess.run(command, capture_output=True, check=False)
        return None if done.returncode else done.stdout

    def write(self, name: str, content: bytes, number: int = 1) -> None:
        """Put a file there, as an editor does."""
        with TemporaryDirectory() as folder, self._fat(number, writable=True) as fat:
            source = Path(folder, "source")
            source.write_bytes(content)
            _run("mcopy", "-o", "-i", fat, source, f"::/{name}")

    def overwrite(self, part: Part, content: bytes) -> None:
        """Have the beginning of a partition be something else."""
        with self.opened(writable=True) as whole, whole.open("r+b") as file:
            file.seek(part.start)
            file.write(content)

    def digest(self, part: Part) -> str:
        """SHA-256 of what is there."""
        digest, left = hashlib.sha256(), part.size
        with self.opened() as whole, whole.open("rb") as file:
            file.seek(part.start)
            while left:
                piece = file.read(min(left, _PIECE))
                digest.update(piece)
                left -= len(piece)
        return digest.hexdigest()

    def leave_open(self) -> None:
        """Mark the FAT partition as one whose power went while it was written (Linux, Windows)."""
        with self.opened(writable=True) as whole, whole.open("r+b") as file:
            file.seek(_part(whole, 1).start + _STATE)
            file.write(b"\x01")

    def fat_faults(self) -> str:
        """What fsck says against the FAT partition; "" where it is in order."""
        with TemporaryDirectory() as folder, self.opened() as whole:
            part = _part(whole, 1)
            fat = Path(folder, "fat")
            with whole.open("rb") as file:
                file.seek(part.start)
                fat.write_bytes(file.read(part.size))
            done = subprocess.run(
                ["fsck.vfat", "-n", str(fat)], capture_output=True, text=True, check=False
            )
        return done.stdout if done.returncode else ""

    @contextmanager
    def _fat(self, number: int, *, writable: bool = False) -> Iterator[str]:
        """As mtools are told of it."""
        with self.opened(writable=writable) as whole:
            yield f"{whole}@@{_part(whole, number).start}"


def _part(whole: Path, number: int) -> Part:
    table = json.loads(_run("sfdisk", "--json", whole))["partitiontable"]["partitions"]
    for each in table:
        if each["node"] == f"{whole}{number}":
            return Part(each["start"] * _SECTOR, each["size"] * _SECTOR)
    message = f"the card has no partition {number}"
    raise NotProved(message)


def _run(*words: str | Path) -> str:
    command = [str(word) for word in words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command)}: {done.stderr or done.stdout}"
        raise NotProved(message)
    return done.stdout
