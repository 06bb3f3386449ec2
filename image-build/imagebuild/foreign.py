"""Owns how programs of another architecture run here: by QEMU, which the kernel starts for them.

Debian registers QEMU where its package is installed and the machine has booted with it; where not,
it is registered for the time of the build. The flag F has the kernel open QEMU once, so that it is
found in every root directory.
"""

from __future__ import annotations

import platform
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from imagebuild.command import run, say
from imagebuild.errors import CommandFailed, NoForeignPrograms

if TYPE_CHECKING:
    from collections.abc import Iterator

_MISC = Path("/proc/sys/fs/binfmt_misc")
_LOCK = Path("/run/jembatan-image.lock")
"""Held by every build that needs foreign programs; says whether one of them mounted."""
_MOUNTED = "mounted\n"
_NAME = "jembatan-aarch64"
_INTERPRETER = Path("/usr/bin/qemu-aarch64-static")
_MAGIC = rb"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK = rb"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
_DEBIAN = {"x86_64": "amd64", "aarch64": "arm64"}


def machine() -> str:
    """This machine's architecture in Debian's words."""
    return _DEBIAN.get(platform.machine(), platform.machine())


@contextmanager
def programs_of(architecture: str) -> Iterator[None]:
    """Programs of the architecture run while this is open. Raises NoForeignPrograms.

    The machine is left as it was found, by the last of the builds that go on at the same time.
    """
    if architecture == machine():
        yield
        return
    with _LOCK.open("a+", encoding="ascii") as lock:
        flock(lock, LOCK_SH)
        try:
            _prepare(architecture, lock)
            yield
        finally:
            _restore(lock)


def _prepare(architecture: str, lock: TextIO) -> None:
    if not (_MISC / "register").exists():
        _mount(architecture)
        lock.write(_MOUNTED)
        lock.flush()
    entries = [path for path in _MISC.iterdir() if path.name not in {"register", "status"}]
    if not any(serves(path.read_text(encoding="ascii", errors="replace")) for path in entries):
        _register(architecture)


def _restore(lock: TextIO) -> None:
    try:
        flock(lock, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return  # another build needs it still, and will come here
    entry = _MISC / _NAME
    if entry.exists():
        entry.write_bytes(b"-1")
    lock.seek(0)
    if _MOUNTED in lock.read():
        run("umount", _MISC)
    lock.truncate(0)


def _mount(architecture: str) -> None:
    try:
        run("mount", "-t", "binfmt_misc", "binfmt_misc", _MISC)
    except CommandFailed as failed:
        raise NoForeignPrograms(architecture=architecture, why=failed.facts["output"]) from failed


def serves(entry: str) -> bool:
    """Whether an entry of the kernel's starts aarch64 programs in every root directory."""
    lines = entry.splitlines()
    flags = "".join(line.partition(":")[2] for line in lines if line.startswith("flags"))
    arm64 = any(line.startswith("magic 7f454c460201") and line.endswith("b700") for line in lines)
    return "enabled" in lines and arm64 and "F" in flags


def _register(architecture: str) -> None:
    if not _INTERPRETER.exists():
        raise NoForeignPrograms(architecture=architecture, why=f"{_INTERPRETER} is not there")
    say(f"the kernel starts {_INTERPRETER.name} for {architecture} programs until this is done")
    line = b":".join((b"", _NAME.encode(), b"M", b"", _MAGIC, _MASK, bytes(_INTERPRETER), b"PF"))
    try:
        (_MISC / "register").write_bytes(line)
    except OSError as error:
        raise NoForeignPrograms(architecture=architecture, why=error.strerror) from error
