"""Owns the media of the proofs: images of sticks with exports on them, of each file system.

What this kernel cannot mount is made by programs that need no mount (mtools, genisoimage,
mkfs.ext4 -d); exFAT, NTFS and UDF are filled in the guest, on a disk that is none of USB.
"""

from __future__ import annotations

import hashlib
import shutil
import struct
import subprocess
import tarfile
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tests.prove.films import dicom_film, films
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from random import Random

    from tests.prove.films import Film
    from tests.prove.guest import Guest

_STICK_BYTES = 48 << 20  # the least that mkfs.vfat makes a FAT32 of is 33 MB
_GAP = 1 << 20
_LABEL = "EXPORT"
_OTHERS_EVERY = 4
_SIDE, _LARGE_SIDE = 160, 400


class Stick(NamedTuple):
    """One image and what is on it."""

    fs: str
    serial: str
    path: Path
    films: list[Film]

    def digest(self) -> str:
        """Of every bit of it: nothing may be written to a stick."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


class Media:
    """Sticks without end; each with films that no other has."""

    def __init__(self, folder: Path, random: Random) -> None:
        self._folder = folder
        self._numbers = count(1)
        self._noise = np.random.default_rng(random.randrange(1 << 32))
        # Numbers of their own: both kinds of films name their patient by it.
        self._others = films(random, _SIDE, _LARGE_SIDE, first=50_001)

    def stick(self, fs: str, size: int, guest: Guest) -> Stick:
        """A stick of so many films with a DICOMDIR; every fourth film is no DICOM."""
        number = next(self._numbers)
        folder = self._folder / f"stick{number}"
        tree = folder / "tree"
        made = list(self._lay_out(tree, number, size))
        image = folder / "stick.img"
        with image.open("wb") as file:
            file.truncate(_STICK_BYTES)
        if fs in _FILLERS:
            _FILLERS[fs](tree, image, number)
        else:
            _fill_in_guest(fs, tree, image, guest)
        shutil.rmtree(tree)
        return Stick(fs, f"4C53{number:08}", image, made)

    def _lay_out(self, tree: Path, number: int, size: int) -> Iterator[Film]:
        images = tree / "DICOM" / f"ST{number:06}"
        others = tree / "EXPORT" / f"Kamar {number % 3}"
        for folder in (images, others):
            folder.mkdir(parents=True)
        for index in range(1, size + 1):
            if index % _OTHERS_EVERY:
                film = dicom_film(number * 100 + index, self._noise, _SIDE)
                path = images / f"IM{index:06}"
            else:
                film = next(self._others)
                path = others / film.name
            path.write_bytes(film.content)
            yield film
        _run("dcmmkdir", "+r", "+id", str(tree), "+D", str(tree / "DICOMDIR"), "-W", "DICOM")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command)}: {done.stderr or done.stdout}"
        raise NotProved(message)


# File systems, each in more than one form


def fat_stick(tree: Path, image: Path, number: int) -> Path:
    """A FAT stick with what is in `tree`; those of odd numbers have a partition table."""
    with image.open("wb") as file:
        file.truncate(_STICK_BYTES)
    _vfat(tree, image, number)
    return image


def labelled_stick(image: Path, label: str, *files: Path) -> Path:
    """A FAT stick of that name, as large as these files need."""
    size = sum(file.stat().st_size for file in files) + _STICK_BYTES
    with image.open("wb") as file:
        file.truncate(-(-size // _GAP) * _GAP)
    _run("mkfs.vfat", "-F", "32", "-n", label, str(image))
    _run("mcopy", "-i", str(image), *map(str, files), "::/")
    return image


def _vfat(tree: Path, image: Path, number: int) -> None:
    """With a partition table every second time, as sticks come from a shop."""
    at = _GAP if number % 2 else 0
    if at:
        _partition(image, 0x0C)
    sectors = str(at // 512)
    blocks = str((_STICK_BYTES - at) // 1024)
    _run("mkfs.vfat", "-F", "32", "-n", _LABEL, "--offset", sectors, str(image), blocks)
    _run("mcopy", "-s", "-i", f"{image}@@{at}", *map(str, tree.iterdir()), "::/")


def _partition(image: Path, kind: int) -> None:
    """A partition table with one entry (MBR): its kind, first sector and number of sectors."""
    entry = struct.pack("<4xB3xII", kind, _GAP // 512, (_STICK_BYTES - _GAP) // 512)
    with image.open("r+b") as file:
        file.seek(446)
        file.write(entry.ljust(64, b"\0") + b"\x55\xaa")


def _iso9660(tree: Path, image: Path, number: int) -> None:
    """With long names by two extensions, by one, or with what every CD has: IM000001.;1."""
    forms = (("-J", "-joliet-long", "-R"), ("-J", "-joliet-long"), ("-R",))
    options = forms[number % 3]
    _run("genisoimage", "-quiet", *options, "-V", _LABEL, "-o", str(image), str(tree))


def _ext4(tree: Path, image: Path, _: int) -> None:
    _run("mkfs.ext4", "-q", "-F", "-L", _LABEL, "-d", str(tree), str(image))


_FILLERS: Mapping[str, Callable[[Path, Path, int], None]] = {
    "vfat": _vfat,
    "iso9660": _iso9660,
    "ext4": _ext4,
}


# Filling in a guest

_MAKERS = {
    "exfat": ("mkfs.exfat", "-L", _LABEL),
    "ntfs": ("mkfs.ntfs", "-q", "-F", "-f", "-L", _LABEL),
    "udf": ("mkudffs", "--media-type=hd", "--label", _LABEL),
}
_DRIVERS = {"exfat": "exfat", "ntfs": "ntfs3", "udf": "udf"}
FILE_SYSTEMS = (*_FILLERS, *_MAKERS)
_DISK = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_"
_FILL = """
udevadm settle
for disk in empty files; do
    until [ -e {disk}$disk ]; do sleep 0.1; done
done
mkdir -p /run/fill
mount -t {driver} {disk}empty /run/fill
tar -C /run/fill --no-same-owner -xf {disk}files
umount /run/fill
"""


def _fill_in_guest(fs: str, tree: Path, image: Path, guest: Guest) -> None:
    _run(*_MAKERS[fs], str(image))
    files = image.with_suffix(".tar")
    with tarfile.open(files, "w") as tar:
        for path in sorted(tree.iterdir()):
            tar.add(path, arcname=path.name)
    guest.throttle(0)
    guest.attach_disk("empty", image)
    guest.attach_disk("files", files)
    guest.run("sh", "-ec", _FILL.format(driver=_DRIVERS[fs], disk=_DISK))
    guest.pull("empty")
    guest.pull("files")
    files.unlink()
