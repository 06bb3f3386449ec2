"""Owns Orthanc with Debian's worklist plugin: its orders are the *.wl files of a folder."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.peers.orthanc import orthanc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.orthanc import Orthanc

PLUGIN = "/usr/share/orthanc/plugins/libModalityWorklists.so"


@contextmanager
def orthanc_worklists(
    root: Path, orders: Path, *known: str, by_caller: bool = False
) -> Iterator[Orthanc]:
    """Run one over the files in `orders`, for the calling AE titles `known`.

    `by_caller`: it tells each caller only of the steps planned for a station of that AE title.
    """
    orders.mkdir(parents=True, exist_ok=True)
    worklists = {"Enable": True, "Database": str(orders), "FilterIssuerAet": by_caller}
    more = {"Plugins": [PLUGIN], "Worklists": worklists, "DicomAlwaysAllowEcho": True}
    with orthanc(root, (0, 0), *known, more=more) as server:
        yield server
