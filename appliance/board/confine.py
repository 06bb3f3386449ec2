"""Owns the start of a foreign program that may write below one folder only, and only so much.

It runs as a program of its own (`python -m appliance.board.confine`) and becomes the foreign one:
what it gives up cannot be had back, and nothing runs between fork and exec in a process with
threads. Landlock (Linux 5.13) needs no privilege.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CANNOT_CONFINE = 118
"""Exit status where the kernel cannot do it; the foreign program was not started."""

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_RULE_PATH_BENEATH = 1
_FIRST_VERSION_RIGHTS = 0x1FFF
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_CHANGES = _FIRST_VERSION_RIGHTS & ~(_EXECUTE | _READ_FILE | _READ_DIR)

_libc = ctypes.CDLL(None, use_errno=True)


def confined(folder: Path, most_bytes: int, command: Sequence[str]) -> list[str]:
    """The command line that starts `command` confined to `folder`; it dies with who starts it."""
    return [sys.executable, "-P", "-m", __name__, str(folder), str(most_bytes), *command]


def surroundings() -> dict[str, str]:
    """The environment that a confined program is started in."""
    path = {key: os.environ[key] for key in ("PYTHONPATH",) if key in os.environ}
    return {"LANG": "C", "PATH": "/usr/bin:/bin", **path}


def main(folder: str, most_bytes: str, *command: str) -> None:
    """Give up what is not needed, and become the other program."""
    limit = int(most_bytes)
    try:
        _call(_libc.prctl, _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _call(_libc.prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _write_only_below(folder)
    except OSError as error:
        sys.stderr.write(f"this kernel cannot confine {command[0]}: {error.strerror}\n")
        sys.exit(CANNOT_CONFINE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Python ignores the signal that says "too long".
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        os.execv(command[0], command)  # noqa: S606 - that is what this is for
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(CANNOT_CONFINE)


def _write_only_below(folder: str) -> None:
    ruled = struct.pack("=Q", _CHANGES)
    rules = _call(_libc.syscall, _CREATE_RULESET, ruled, len(ruled), 0)
    fd = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    rule = struct.pack("=Qi", _CHANGES, fd)
    _call(_libc.syscall, _ADD_RULE, rules, _RULE_PATH_BENEATH, rule, 0)
    os.close(fd)
    _call(_libc.syscall, _RESTRICT_SELF, rules, 0)


def _call(function: ctypes._FuncPointer, *arguments: int | bytes) -> int:
    result = int(function(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


if __name__ == "__main__":
    main(*sys.argv[1:])
