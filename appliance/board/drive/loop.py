"""Owns looking into an image that nobody writes: a read-only loop device, its check, its mount."""

from __future__ import annotations

import logging
import subprocess
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

from appliance.board.attach import Reader, attach_volume
from appliance.board.drive.image import file_system
from appliance.errors import CannotMount

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

_PATIENCE_S = 60.0
_MOST_SAID_BYTES = 2000
_FSCK_MEMORY_BYTES = 256 << 20


class LoopViewer:
    """Opens images for somebody else to read."""

    def __init__(
        self, places: Path, reader: Callable[[], Reader], blocks: Path = Path("/sys/block")
    ) -> None:
        """Mount below `places`, for `reader`; `blocks` is where the kernel lists its devices."""
        self._places = places
        self._reader = reader
        self._blocks = blocks
        self._told = ""

    def open(self, name: str, image: Path) -> int:
        """The root folder of the image's file system; all ends when that is closed.

        Raises CannotMount. What fsck finds is only told: the file system of a host that still has
        it mounted is never clean.
        """
        device = _looped(name, image)
        try:
            fs = _output("blkid", "-p", "-s", "TYPE", "-o", "value", device)
            if fs == "vfat":
                self._tell(name, _complaints(device))
            return attach_volume(name, device, fs, self._places, self._reader())
        finally:
            _output("losetup", "--detach", device)  # once its mount is gone

    def _tell(self, name: str, complaints: str) -> None:
        if complaints and complaints != self._told:
            _log.info("%s: fsck says: %s", name, complaints)
        self._told = complaints

    def uses(self, image: Path) -> bool:
        """Whether somebody still looks into that image."""
        for backing in self._blocks.glob("loop*/loop/backing_file"):
            with suppress(OSError):
                if Path(backing.read_text().strip()).parts[-2:] == image.parts[-2:]:
                    return True
        return False


def _looped(name: str, image: Path) -> str:
    extent = file_system(image)
    where = [f"--offset={extent.offset_bytes}", f"--sizelimit={extent.size_bytes}"]
    device = _output("losetup", "--find", "--show", "--read-only", *where, str(image))
    if not device:
        raise CannotMount(name=name, why="there is no loop device for it")
    return device


def _complaints(device: str) -> str:
    """What fsck would mend: the beginning of it, without its own name in the first line.

    What lies on the device is the host's, who may have seen to it that much is to be said.
    """
    lines = _beginning("prlimit", f"--as={_FSCK_MEMORY_BYTES}", "fsck.vfat", "-n", device)
    words = " ".join(lines.splitlines()[1:-1])
    return "".join(char if char.isprintable() else "?" for char in words)


def _beginning(*command: str) -> str:
    """The first of what a program prints that ends with status 1, or not so soon."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        patience = Timer(_PATIENCE_S, program.kill)
        patience.start()
        said = program.stdout.read(_MOST_SAID_BYTES) if program.stdout else b""
        patience.cancel()
        goes_on = len(said) == _MOST_SAID_BYTES
        if goes_on:
            program.kill()
    return said.decode(errors="replace") if goes_on or program.returncode == 1 else ""


def _output(*command: str) -> str:
    """What a program printed, on one line; "" where it failed."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.warning("%s: %s", command[0], error)
        return ""
    if done.returncode and done.stderr:
        _log.warning("%s: %s", command[0], " ".join(done.stderr.split()))
    return "" if done.returncode else " ".join(done.stdout.split())
