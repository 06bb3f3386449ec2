"""Owns a DCMTK storescp: takes every object, under any called AE title, into a folder."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.dicom.association import Target
from tests.peers.orthanc import free_port
from tests.peers.ports import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class StoreScp:
    """One that runs."""

    port: int
    folder: Path

    @property
    def target(self) -> Target:
        return Target("127.0.0.1", self.port, "STORESCP", "JEMBATAN")

    def received(self) -> list[Path]:
        """The files it made."""
        return sorted(path for path in self.folder.iterdir() if path.is_file())


@contextmanager
def storescp(root: Path, *options: str, port: int = 0) -> Iterator[StoreScp]:
    """Run one that keeps what it gets in root/received.

    --fork: several associations at once. +uf: names are unique, so that a second object under a
    known UID is a second file. +B: data sets are written bit for bit as they came (-B, its
    default, mends lengths and padding). +xa: it accepts every transfer syntax.
    """
    folder = root / "received"
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    command = ["storescp", "--fork", "+uf", "+B", "+xa", *options, "-od", str(folder)]
    with server([*command, str(port)], port, root / "storescp.log"):
        yield StoreScp(port, folder)
