"""Owns who is alive: a claim belongs to a worker, and a worker is a lock its process holds.

The kernel drops the lock when the process dies, however it dies, so a stale claim is known for
certain and no clock is asked.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Worker:
    """This process (or thread) as the owner of claims."""

    def __init__(self, run_dir: Path, service: str) -> None:
        """Take a name that nobody had before and hold its lock until the process ends."""
        self.service = service
        self.name = f"{service}-{os.getpid()}-{os.urandom(4).hex()}"
        self._path = _lock_path(run_dir, self.name)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = _lock(self._path)

    def retire(self) -> None:
        """Give the name up: what it still claims is free for others."""
        self._path.unlink(missing_ok=True)
        os.close(self._fd)


def is_dead(run_dir: Path, name: str) -> bool:
    """Whether the worker of that name is gone; removes the lock file it left."""
    path = _lock_path(run_dir, name)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(fd)


def roll_call(run_dir: Path) -> dict[str, bool]:
    """Every service that left a lock file, and whether somebody of that name is alive."""
    return {service: bool(alive) for service, alive in present(run_dir).items()}


def present(run_dir: Path) -> dict[str, set[str]]:
    """Of every service that left a lock file, the processes that are alive."""
    found: dict[str, set[str]] = {}
    for path in sorted(_lock_path(run_dir, "").glob("*")):
        service, *rest = path.name.rsplit("-", 2)
        alive = found.setdefault(service, set())
        alive.update(rest[:1] if _is_held(path) else ())
    return found


def _is_held(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except PermissionError:  # of another user's command; it makes no claims
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)


def _lock(path: Path) -> int:
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
        fcntl.flock(fd, fcntl.LOCK_EX)
        # Somebody may have taken the file for a dead worker's between the two calls above.
        if os.fstat(fd).st_nlink:
            return fd
        os.close(fd)


def _lock_path(run_dir: Path, name: str) -> Path:
    return run_dir / "workers" / name
