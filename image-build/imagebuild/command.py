"""Owns how the build runs programs, and what it says while it works."""

from __future__ import annotations

import os
import subprocess
import sys
from time import monotonic
from typing import TYPE_CHECKING

from imagebuild.errors import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_STARTED = monotonic()
_TOLD = 3000
"""So many characters of a failed program's last words are passed on."""


def say(text: str) -> None:
    """One line of progress, after the seconds since the start."""
    print(f"[{monotonic() - _STARTED:5.0f} s] {text}", file=sys.stderr, flush=True)


def run(
    *words: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    text: str | None = None,
) -> str:
    """The standard output of a program that must succeed; `env` is added to this one's.

    Raises CommandFailed with the end of what it said.
    """
    command = [str(word) for word in words]
    done = subprocess.run(
        command,
        env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC", **(env or {})},
        cwd=cwd,
        input=text,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no word")[-_TOLD:]
        raise CommandFailed(command=" ".join(command[:12]), output=said)
    return done.stdout
