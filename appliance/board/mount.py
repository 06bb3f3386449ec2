"""Owns asking the privileged helper: what is plugged in, and mounts as open descriptors."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.board.usb import UsbVolume, disk_errors
from appliance.call import ask, ask_for_descriptor
from appliance.errors import NobodyAnswers, NoHelper

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOUNTING_S = 90.0
SOCKET = "devices.sock"


class Mounted:
    """A file system nobody else sees; it ends with `close`, or with this process."""

    def __init__(self, fd: int) -> None:
        """Take over a descriptor of its root folder."""
        self._fd = fd
        self.root = Path(f"/proc/self/fd/{fd}")

    def errors(self) -> int | None:
        """How many commands the disk below has failed since it came; None where nobody counts."""
        try:
            return disk_errors(os.fstat(self._fd).st_dev)
        except OSError:  # it was let go of
            return None

    def close(self) -> None:
        """Let go of it; a descriptor that is still open below keeps it alive."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with suppress(OSError):
                os.close(fd)


class Helper:
    """The caller's side of the devices service.

    Every call raises NoHelper where it is not there, or Declined with what it said.
    """

    def __init__(self, run_dir: Path, what: str = "USB") -> None:
        """Ask the one whose socket is in `run_dir`; `what` it is wanted for, in a sentence."""
        self._socket = run_dir / SOCKET
        self._what = what

    def volumes(self) -> list[UsbVolume]:
        """The file systems on USB that are plugged in now."""
        return [UsbVolume(**volume) for volume in self.ask("volumes")["volumes"]]

    def open(self, volume_id: str) -> Mounted:
        """Mount one of them; also raises Declined where it is no longer there."""
        return self.mount("open", volume=volume_id)[0]

    def ask(
        self, operation: str, timeout_s: float = _MOUNTING_S, **request: str
    ) -> dict[str, Any]:
        """What the helper answers to an operation."""
        with self._there():
            return ask(self._socket, {"op": operation, **request}, timeout_s)

    def mount(
        self, operation: str, timeout_s: float = _MOUNTING_S, **request: str
    ) -> tuple[Mounted, dict[str, Any]]:
        """The same, for an operation that mounts something; and what it says about it."""
        with self._there():
            answer, fd = ask_for_descriptor(self._socket, {"op": operation, **request}, timeout_s)
        return Mounted(fd), answer

    @contextmanager
    def _there(self) -> Iterator[None]:
        try:
            yield
        except NobodyAnswers as problem:
            why = f"the devices service does not answer ({problem.facts['why']})"
            raise NoHelper(what=self._what, why=why) from problem
