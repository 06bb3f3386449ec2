"""Owns a DCMTK wlmscpfs: a worklist whose orders are files, one folder for each AE title."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.dicom.association import Target
from tests.peers.orthanc import free_port
from tests.peers.ports import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AE_TITLE = "RIS"


def place(root: Path) -> Path:
    """The folder for its *.wl files."""
    folder = root / AE_TITLE
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lockfile").touch()
    return folder


@contextmanager
def wlmscpfs(root: Path, *options: str) -> Iterator[Target]:
    """Run one over the files in `place(root)`; by default it declares no character set."""
    place(root)
    port = free_port()
    command = ["wlmscpfs", *options, "-dhl", "-dfp", str(root), str(port)]
    with server(command, port, root / "wlmscpfs.log"):
        yield Target("127.0.0.1", port, AE_TITLE, "JEMBATAN")
