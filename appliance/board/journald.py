"""Owns telling journald a log record: its text for whoever is at the box, and beside it, in fields
of their own, what of it may leave the box.

Those fields can hold no name: `JEMBATAN_WORDS` is the sentence as it stands in the source, before
anything was filled in; `JEMBATAN_NUMBERS` are the whole numbers that were (items, counts, ports);
`JEMBATAN_CODES` the reason codes; `JEMBATAN_TRACE` the places in the product's source that an
error came through.
"""

from __future__ import annotations

import json
import logging
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

SOCKET = Path("/run/systemd/journal/socket")
PRODUCT = "appliance"
_TOP = Path(__file__).parents[1]
_PRIORITIES = {logging.DEBUG: 7, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_INFO = 6
_LONGEST = 64 << 10


class JournaldHandler(logging.Handler):
    """Sends records by journald's own protocol (systemd.journal-fields(7))."""

    def __init__(self, path: Path = SOCKET) -> None:
        """Talk to the journald that listens at `path`. OSErrors fly."""
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.connect(str(path))

    def emit(self, record: logging.LogRecord) -> None:
        """Send one; a journald that is gone is not waited for."""
        message = self.format(record)[:_LONGEST]
        fields = {"MESSAGE": message, "PRIORITY": str(_PRIORITIES.get(record.levelno, _INFO))}
        fields |= public(record)
        with suppress(OSError):
            self._socket.send(b"".join(_field(*field) for field in fields.items()))

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
        super().close()


def public(record: logging.LogRecord) -> dict[str, str]:
    """What of a record may leave the box; of a foreign library's, which says anything, nothing."""
    said = {"JEMBATAN_LOGGER": record.name}
    if record.exc_info and record.exc_info[1]:
        said["JEMBATAN_ERROR"] = type(record.exc_info[1]).__name__
        said["JEMBATAN_TRACE"] = json.dumps(list(_places(record.exc_info[1].__traceback__)))
    if record.name.split(".")[0] != PRODUCT or not isinstance(record.msg, str):
        return said
    arguments = record.args if isinstance(record.args, tuple) else ()
    numbers = [each for each in arguments if type(each) is int]
    problems = [*arguments, *(record.exc_info or ())]
    codes = [each.code for each in problems if isinstance(each, Problem)]
    return {
        **said,
        "JEMBATAN_WORDS": record.msg,
        "JEMBATAN_NUMBERS": json.dumps(numbers),
        "JEMBATAN_CODES": json.dumps(codes),
    }


def _places(trace: TracebackType | None) -> Iterator[str]:
    """The lines of the product's own source that an error came through."""
    while trace:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(_TOP):
            yield f"{path.relative_to(_TOP).as_posix()}:{trace.tb_lineno}"
        trace = trace.tb_next


def _field(name: str, value: str) -> bytes:
    content = value.encode("utf-8", "backslashreplace")
    return name.encode() + b"\n" + struct.pack("<Q", len(content)) + content + b"\n"
