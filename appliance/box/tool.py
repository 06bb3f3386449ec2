"""Owns running the system's programs: fixed arguments, what they said, a sentence if they fail."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from appliance.errors import ToolFailed, ToolTooSlow

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLACES = os.pathsep.join(("/usr/sbin", "/usr/bin", "/sbin", "/bin"))
_PATIENCE_S = 600.0


class Done(NamedTuple):
    """What became of a program."""

    status: int
    out: str
    said: str  # its complaints


def attempt(
    name: str,
    *words: str,
    given: bytes = b"",
    fds: Sequence[int] = (),
    patience_s: float = _PATIENCE_S,
) -> Done:
    """Run a program to its end, with `given` at its standard input and `fds` left open to it.

    Raises ToolFailed only where it cannot be run, ToolTooSlow where it takes longer than
    `patience_s`, ten minutes if nothing else is said, and is killed.
    """
    try:
        done = subprocess.run(
            [_find(name), *words],
            input=given,
            capture_output=True,
            check=False,
            timeout=patience_s,
            pass_fds=tuple(fds),
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired as error:
        said = f"it was not done after {error.timeout:.0f} s"
        raise ToolTooSlow(name=name, said=said) from error
    except OSError as error:
        raise ToolFailed(name=name, said=error) from error
    return Done(done.returncode, _text(done.stdout), _text(done.stderr))


def run(name: str, *words: str, given: bytes = b"", fds: Sequence[int] = ()) -> str:
    """The same for a program that must succeed: its output. Raises ToolFailed."""
    done = attempt(name, *words, given=given, fds=fds)
    if done.status:
        said = " ".join((done.said or done.out).split()) or f"it ended with {done.status}"
        raise ToolFailed(name=name, said=said.rstrip("."))
    return done.out


def _find(name: str) -> str:
    """Where a program lies; a user's PATH need not name what only root runs."""
    return shutil.which(name) or shutil.which(name, path=_PLACES) or name


def _text(output: bytes) -> str:
    return output.decode(errors="replace").strip()
