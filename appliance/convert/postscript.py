"""Owns PostScript: a program of somebody unknown, run by Ghostscript within limits.

The child has no files but its input and output by its own safe mode, and by the kernel it writes
nowhere else; it has so much memory, processor time and output, and an end to its patience. What it
makes of the same input is the same.
"""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import tempfile
from pathlib import Path
from typing import BinaryIO

from appliance.board.confine import CANNOT_CONFINE, confined, surroundings
from appliance.convert.pace import slowness
from appliance.errors import UnsupportedFormat
from appliance.peek import Garbled

MOST_BYTES = 64 << 20
_LEFT = b"\x1b%-12345X"
COMMAND = (
    "/usr/bin/gs",
    "-q",
    "-dSAFER",
    "-dBATCH",
    "-dNOPAUSE",
    "-dNOOUTERSAVE",
    "-sDEVICE=pdfwrite",
    "-sPAPERSIZE=a4",
    "-dOmitInfoDate=true",
    "-dOmitID=true",
    "-dOmitXMP=true",
    "-sstdout=%stderr",
    "-sOutputFile=-",
    "-",
)
_MEMORY_BYTES = 256 << 20
_PATIENCE_S = 8.0  # of a fast machine (pace)
_LEAST_ROOM_BYTES = 1 << 20
_MOST_WORDS = 120


def program_in(job: bytes) -> bytes:
    """The program alone, without what a printer's carrier wraps around it."""
    start = max(job.find(b"%!"), 0)
    end = job.find(_LEFT, start)
    return job[start : end if end >= 0 else None].rstrip(b"\0\4\x1a")


def to_pdf(name: str, program: bytes, target: BinaryIO) -> None:
    """Print a PostScript program as PDF into `target`, an empty file.

    Raises Garbled where it has an error, UnsupportedFormat where Ghostscript cannot be used, and
    OSError where the machine has no room for what it prints.
    """
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as given:
        given.write(program)
        given.seek(0)
        code = _run(given, target, said)
        said.seek(0)
        words = said.read(1 << 16).decode("latin-1")
    if code == CANNOT_CONFINE:
        detail = f"PostScript cannot be read here ({words.strip().rstrip('.')})"
        raise UnsupportedFormat(name=name, detail=detail)
    if code:
        _must_have_had_room(target)
        raise Garbled(detail=_why(code, words))


def _must_have_had_room(target: BinaryIO) -> None:
    """What the program itself has filled does not count: the next file would find it free."""
    target.truncate(0)
    card = os.fstatvfs(target.fileno())
    if card.f_bavail * card.f_frsize < _LEAST_ROOM_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _run(given: BinaryIO, target: BinaryIO, said: BinaryIO) -> int:
    """Its exit status; it writes below a folder of its own only, which then goes."""
    with tempfile.TemporaryDirectory() as scratch:
        child = subprocess.Popen(
            confined(Path(scratch), MOST_BYTES, COMMAND),
            stdin=given,
            stdout=target,
            stderr=said,
            cwd=scratch,
            env={**surroundings(), "TMPDIR": scratch},
        )
        return _ended(child)


def _ended(child: subprocess.Popen[bytes]) -> int:
    with child:
        patience_s = _PATIENCE_S * slowness()
        limits = {resource.RLIMIT_AS: _MEMORY_BYTES, resource.RLIMIT_CPU: int(patience_s)}
        try:
            for limit, most in limits.items():
                resource.prlimit(child.pid, limit, (most, most))
            return child.wait(patience_s)
        except (subprocess.TimeoutExpired, ProcessLookupError):
            child.kill()
            return child.wait()


def _why(code: int, words: str) -> str:
    if code < 0:
        return "its program takes too long, or too much memory"
    error = next((line for line in words.splitlines() if line.startswith("Error")), "")
    return f"its program stops with {error[:_MOST_WORDS].rstrip('.') or 'an error'}"
