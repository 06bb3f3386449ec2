"""Owns remembering how the last errand that a person began has failed: DIR/box/errand-news.json.

The steward, who does them, is gone a minute later, and all that it knew. Root's own.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from appliance import durable
from appliance.errors import DiskFull, ErrandCutShort, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.journal.session import Paths


@dataclass(frozen=True, slots=True)
class Failed:
    """An errand, and what was wrong."""

    name: str
    code: str
    sentence: str
    hint: str


def _path(paths: Paths) -> Path:
    return paths.root / "box" / "errand-news.json"


def read(paths: Paths) -> Failed | None:
    """The last one, if it failed; meaningless while one goes on."""
    try:
        return Failed(**json.loads(_path(paths).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def kept(paths: Paths, name: str) -> Iterator[None]:
    """The block is the errand `name`: that it fails is known until the next one begins."""
    _keep(paths, name, ErrandCutShort())  # as long as nobody comes to its end
    try:
        yield
    except Exception as error:
        _keep(paths, name, error if isinstance(error, Problem) else Problem(what=str(error)))
        raise
    with suppress(OSError):  # which does not undo what was done
        durable.remove(_path(paths))


def _keep(paths: Paths, name: str, problem: Problem) -> None:
    told = Failed(name, problem.code, problem.sentence, problem.hint)
    with suppress(DiskFull, OSError):  # what it is about goes on, and fails by itself
        durable.publish(_path(paths), json.dumps(asdict(told)).encode(), 0o600)
