"""Owns starting a server on a port of its own and knowing when it listens, or why it does not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tests.peers.orthanc import bound_to_us

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_TRIES = 1000
_TRY_S = 0.02


@contextmanager
def server(command: Sequence[str], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the end of the block; it listens when the block begins."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            bound_to_us(*command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_until_it_listens(process, port, log)
        yield process
    finally:
        # By force, with all it forked: these servers have nothing to lose, and are slow to obey.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(_TRIES):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(_TRY_S)
            break
    message = f"{process.args!r} does not listen on {port}:\n{log.read_text(errors='replace')}"
    raise RuntimeError(message)
