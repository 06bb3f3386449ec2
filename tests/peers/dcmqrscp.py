"""Owns a DCMTK dcmqrscp: an archive that insists on its AE title and can be queried."""

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

AE_TITLE = "ARCHIVE"
CONFIG = """\
NetworkTCPPort = {port}
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
{ae_title} {folder} RW (100000, 65536mb) ANY
AETable END
"""


@dataclass(frozen=True)
class Archive:
    """One that runs; any called AE title but its own is rejected (1/1/7)."""

    port: int
    folder: Path

    @property
    def target(self) -> Target:
        return Target("127.0.0.1", self.port, AE_TITLE, "JEMBATAN")


@contextmanager
def dcmqrscp(root: Path) -> Iterator[Archive]:
    """Run one that keeps what it gets in root/archive."""
    folder = root / "archive"
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = root / "dcmqrscp.cfg"
    config.write_text(CONFIG.format(port=port, ae_title=AE_TITLE, folder=folder))
    with server(["dcmqrscp", "-c", str(config)], port, root / "dcmqrscp.log"):
        yield Archive(port, folder)
