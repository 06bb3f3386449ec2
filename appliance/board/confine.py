"""Owns the start of a foreign program that may write below one folder only, and only so much.

It runs as a program of its own (`python -m appliance.board.confine`) and becomes the foreign one:
what it gives up cannot be had back, and nothing runs between fork and exec in a process with
threads.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import TYPE_CHECKING

from appliance.board import landlock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CANNOT_CONFINE = 118
"""Exit status where the kernel cannot do it; the foreign program was not started."""

_PR_SET_PDEATHSIG = 1


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
        die_with_parent()
        landlock.confine(landlock.CHANGES, {folder: landlock.CHANGES})
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


def die_with_parent() -> None:
    """Have the kernel end this process when the one that started it ends. Raises OSError."""
    landlock.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
