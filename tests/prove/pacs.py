"""Owns the other end of the proofs: real PACSs, each at one address, that come and go.

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
from pydicom.errors import InvalidDicomError

from tests.peers.dcmqrscp import AE_TITLE, CONFIG
from tests.peers.orthanc import free_port, orthanc
from tests.peers.ports import server

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable

_PREAMBLE = 132
_META_LENGTH = 12


@dataclass(frozen=True)
class Received:
    """One data set as a PACS has it."""

    uid: str
    patient: str
    data_set: bytes
    digest: str


class Pacs(Protocol):
    """What comes and goes."""

    port: int
    ae_title: str

    def come(self) -> None: ...

    def go(self) -> None: ...

    def received(self) -> Iterable[Received]: ...


class _Dcmtk:
    """A server of DCMTK's with its files in a folder."""

    ae_title = ""

    def __init__(self, root: Path, pattern: str) -> None:
        self.port = free_port()
        self.interrupted: set[Path] = set()
        self.folder = root / "received"
        self.folder.mkdir(parents=True)
        self._root = root
        self._pattern = pattern
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._read: dict[tuple[Path, int], Received] = {}
        self._had: dict[Path, Received] = {}

    def command(self) -> list[str]:
        raise NotImplementedError

    def come(self) -> None:
        serving = server(self.command(), self.port, self._root / "server.log")
        self._process = self._stack.enter_context(serving)

    def go(self) -> None:
        """Die with all its children; what they were writing is a stump nobody answered for."""
        self.freeze()
        if self._process:
            self.interrupted |= _open_below(self.folder, self._process.pid)
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

    def files(self) -> set[Path]:
        """What it has, or is about to have."""
        return set(self.folder.glob(self._pattern)) - self.interrupted

    def uids(self, files: set[Path]) -> set[str]:
        """What those files show, as far as they are there and have come far enough to say."""
        found = set()
        for path in files:
            with suppress(OSError, EOFError, InvalidDicomError, AttributeError):
                found.add(self.read(path).uid)
        return found

    def received(self) -> Iterable[Received]:
        """All that was ever found here: dcmqrscp lets go of the oldest of 500 studies."""
        self._had.update((path, self.read(path)) for path in sorted(self.files()))
        return self._had.values()

    def read(self, path: Path) -> Received:
        """One of its files; those that did not change are read once."""
        key = (path, path.stat().st_mtime_ns)
        if key not in self._read:
            self._read[key] = read(path.read_bytes())
        return self._read[key]


class StoreScp(_Dcmtk):
    """DCMTK's storescp."""

    ae_title = "STORESCP"

    def __init__(self, root: Path) -> None:
        super().__init__(root, "*")

    def command(self) -> list[str]:
        options = ["--fork", "+uf", "-B", "+xa", "-od", str(self.folder)]
        return ["storescp", *options, str(self.port)]


class Archive(_Dcmtk):
    """DCMTK's dcmqrscp, which can be asked what it has."""

    ae_title = AE_TITLE

    def __init__(self, root: Path) -> None:
        super().__init__(root, "*.dcm")
        self._config = root / "dcmqrscp.cfg"
        self._config.write_text(
            CONFIG.format(port=self.port, ae_title=AE_TITLE, folder=self.folder)
        )

    def command(self) -> list[str]:
        # +xy: baseline JPEG too, which it would refuse.
        return ["dcmqrscp", "+xy", "-c", str(self._config)]


class PracticePacs:
    """Orthanc; it goes in good order. `more` is of its own configuration."""

    ae_title = "PRACTICE"

    def __init__(self, root: Path, **more: object) -> None:
        self._root = root
        self._more = more
        self._ports = (free_port(), free_port())
        self._stack = ExitStack()
        self.port = self._ports[0]

    def come(self) -> None:
        self._pacs = self._stack.enter_context(orthanc(self._root, self._ports, more=self._more))

    def go(self) -> None:
        self._stack.close()

    def forget(self) -> None:
        """Let go of everything."""
        for patient in self._pacs.get("/patients"):
            self._pacs.delete("patients", patient)

    def received(self) -> Iterable[Received]:
        for stored in self._pacs.instances().values():
            yield read(self._pacs.file(stored))


def read(file: bytes) -> Received:
    """A DICOM file as a PACS keeps it."""
    header = dcmread(BytesIO(file), stop_before_pixels=True)
    meta_bytes = int.from_bytes(file[_PREAMBLE + 8 : _PREAMBLE + _META_LENGTH], "little")
    data_set = file[_PREAMBLE + _META_LENGTH + meta_bytes :]
    digest = hashlib.sha256(data_set).hexdigest()
    return Received(str(header.SOPInstanceUID), str(header.PatientID), data_set, digest)


def _open_below(folder: Path, group: int) -> set[Path]:
    """The files in `folder` that processes of a group have open."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getpgid(int(process.name)) == group:
                found |= {fd.readlink() for fd in (process / "fd").iterdir()}
    return {path for path in found if path.parent == folder}
