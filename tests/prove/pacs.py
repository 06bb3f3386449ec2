"""Owns the other end of the proofs: real PACSs at one address that come and go, and what they have.

storescp keeps every data set as it came, so that a second one under a known UID is a second file;
dcmqrscp and Orthanc can be asked (C-FIND) whether they have an image.
"""

from __future__ import annotations

import hashlib
import os
import signal
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydicom import dcmread

from tests.peers.dcmqrscp import _CONFIG, AE_TITLE
from tests.peers.orthanc import free_port, orthanc
from tests.peers.ports import server

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

_PREAMBLE = 132
_META_LENGTH = 12


@dataclass(frozen=True)
class Received:
    """One data set as a PACS has it."""

    uid: str
    patient: str
    data_set: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data_set).hexdigest()


class Pacs(Protocol):
    """What comes and goes."""

    port: int
    ae_title: str

    def come(self) -> None: ...

    def go(self) -> None: ...

    def received(self) -> Iterator[Received]: ...


class StoreScp:
    """DCMTK's storescp; it goes without a word, mid-object too."""

    ae_title = "STORESCP"

    def __init__(self, root: Path) -> None:
        self.port = free_port()
        self.interrupted: set[Path] = set()
        self._root = root
        self._folder = root / "received"
        self._folder.mkdir(parents=True)
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def come(self) -> None:
        options = ["--fork", "+uf", "-B", "+xa", "-od", str(self._folder)]
        serving = server(
            ["storescp", *options, str(self.port)], self.port, self._root / "storescp.log"
        )
        self._process = self._stack.enter_context(serving)

    def go(self) -> None:
        """Die with all its children; what they were writing is a stump that nobody answered for."""
        self.freeze()
        if self._process:
            self.interrupted |= _open_below(self._folder, self._process.pid)
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process = None
        self._stack.close()

    def freeze(self) -> None:
        """Stand still."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGCONT)

    def received(self) -> Iterator[Received]:
        for path in sorted(self._folder.iterdir()):
            if path not in self.interrupted:
                yield read(path.read_bytes())


class Archive:
    """DCMTK's dcmqrscp, which can be asked what it has."""

    ae_title = AE_TITLE

    def __init__(self, root: Path) -> None:
        self.port = free_port()
        self._root = root
        self._folder = root / "archive"
        self._folder.mkdir(parents=True)
        self._config = root / "dcmqrscp.cfg"
        self._config.write_text(
            _CONFIG.format(port=self.port, ae_title=AE_TITLE, folder=self._folder)
        )
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def come(self) -> None:
        # +xy: baseline JPEG too, which it would refuse.
        command = ["dcmqrscp", "+xy", "-c", str(self._config)]
        serving = server(command, self.port, self._root / "dcmqrscp.log")
        self._process = self._stack.enter_context(serving)

    def go(self) -> None:
        self._process = None
        self._stack.close()

    def freeze(self) -> None:
        """Stand still."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGCONT)

    def received(self) -> Iterator[Received]:
        for path in sorted(self._folder.glob("*.dcm")):
            yield read(path.read_bytes())


class PracticePacs:
    """Orthanc; it goes in good order."""

    ae_title = "PRACTICE"

    def __init__(self, root: Path) -> None:
        self._root = root
        self._ports = (free_port(), free_port())
        self._stack = ExitStack()
        self.port = self._ports[0]

    def come(self) -> None:
        self._pacs = self._stack.enter_context(orthanc(self._root, self._ports))

    def go(self) -> None:
        self._stack.close()

    def received(self) -> Iterator[Received]:
        for stored in self._pacs.instances().values():
            yield read(self._pacs.file(stored))


def read(file: bytes) -> Received:
    """A DICOM file as a PACS keeps it."""
    header = dcmread(BytesIO(file), stop_before_pixels=True)
    meta_bytes = int.from_bytes(file[_PREAMBLE + 8 : _PREAMBLE + _META_LENGTH], "little")
    data_set = file[_PREAMBLE + _META_LENGTH + meta_bytes :]
    return Received(str(header.SOPInstanceUID), str(header.PatientID), data_set)


def _open_below(folder: Path, group: int) -> set[Path]:
    """The files in `folder` that processes of a group have open."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getpgid(int(process.name)) == group:
                found |= {fd.readlink() for fd in (process / "fd").iterdir()}
    return {path for path in found if path.parent == folder}
