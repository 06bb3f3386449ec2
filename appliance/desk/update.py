"""Owns what a person may do about the version of the box: look, upload, fetch, install."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, BinaryIO

from appliance.call import ask, ask_for_descriptor

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.journal.session import Paths

PIECE_BYTES = 1 << 20
"""What the page takes at a time: it lies in memory meanwhile."""

_SOCKET = "steward.sock"
_PATIENCE_S = 90.0


def status(paths: Paths) -> dict[str, Any]:
    """What runs, what goes on, what became of the last update. Raises NobodyAnswers."""
    return _asked(paths, op="update-status")


def put(paths: Paths, at: int, total: int, piece: bytes) -> None:
    """Hand over the next piece of a file. Raises Declined (no room ...), NobodyAnswers."""
    request = {"op": "update-chunk", "at": at, "total": total}
    _, fd = ask_for_descriptor(paths.run / _SOCKET, request, _PATIENCE_S)
    with os.fdopen(fd, "wb") as file:
        file.write(piece)


def upload(paths: Paths, file: BinaryIO, total: int, came: Callable[[int], None]) -> None:
    """Hand over a whole file; `came` is told how many bytes are there. Raises as `put`."""
    at = 0
    while piece := file.read(PIECE_BYTES):
        put(paths, at, total, piece)
        at += len(piece)
        came(at)


def install(paths: Paths, name: str, *, restart: bool = True) -> None:
    """Install what was handed over, in the background. Raises Declined, NobodyAnswers."""
    _asked(paths, op="update-install", name=name, restart=restart)


def fetch(paths: Paths, address: str, *, restart: bool = True) -> None:
    """Fetch from an https address and install, in the background. Raises as `install`."""
    _asked(paths, op="update-fetch", address=address, restart=restart)


def _asked(paths: Paths, **request: object) -> dict[str, Any]:
    return ask(paths.run / _SOCKET, request, _PATIENCE_S)
