"""Owns what the share service and watch agree on: the shares offered here, and how they are.

Modalities talk to Samba, so the service that runs it has no journal: it tells watch by a file in
the folder of sockets, and watch writes that down.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from typing import TYPE_CHECKING

from appliance import durable
from appliance.errors import Declined
from appliance.sources.hosted import hosted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from appliance.errors import Problem
    from appliance.journal.custody import Custody
    from appliance.settings.schema import Settings

_log = logging.getLogger(__name__)

TOLD = "shares.json"
"""In the folder of sockets: what the share service says of each share that it offers."""
_MOST_BYTES = 64 << 10
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PLACE = "share"
_OFFERED = "offered"
_STOPPED = "stopped"
_REMOVED = "removed"


def tell(run_dir: Path, troubles: Mapping[str, Problem | None]) -> None:
    """Say of each share, by name, what is wrong with it, or None."""
    said = {name: _words(trouble) for name, trouble in troubles.items()}
    durable.publish(run_dir / TOLD, json.dumps(said).encode(), 0o640)


class Offers:
    """What was told, on its way into the journal; belongs to one thread."""

    def __init__(self, run_dir: Path, custody: Custody) -> None:
        """Nothing was heard yet."""
        self._path = run_dir / TOLD
        self._custody = custody
        self._written: dict[str, list[str]] = {}

    def write_down(self, settings: Settings) -> bool:
        """Have the journal know of the shares of the settings; whether that was anything new."""
        names = {share.name for share in hosted(settings)}
        told = {name: words for name, words in _told(self._path).items() if name in names}
        news = {name for name, words in told.items() if self._written.get(name) != words}
        gone = self._written.keys() - names
        for name in news:
            self._set(name, told[name])
        for name in gone:
            self._custody.set_place(_PLACE, name, _REMOVED)
            del self._written[name]
        return bool(news or gone)

    def _set(self, name: str, words: list[str]) -> None:
        trouble = Declined(*words) if words else None
        state = _STOPPED if trouble else _OFFERED
        self._custody.set_place(_PLACE, name, state, trouble, ok=trouble is None)
        self._written[name] = words


def _words(trouble: Problem | None) -> list[str]:
    return [trouble.sentence, trouble.code, trouble.hint] if trouble else []


def _told(path: Path) -> dict[str, list[str]]:
    """What the file says; whoever can make Samba do things may have written it."""
    try:
        said = json.loads(_content(path))
        return {str(name): _checked(words) for name, words in said.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        _log.error("what the share service says cannot be read: %s", error)
        return {}


def _content(path: Path) -> bytes:
    with os.fdopen(os.open(path, _LOOK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(path.name)
        return file.read(_MOST_BYTES)


def _checked(words: Sequence[object]) -> list[str]:
    texts = [word for word in words if isinstance(word, str) and word.isprintable()]
    if len(words) not in {0, 3} or len(texts) != len(words):
        raise ValueError(TOLD)
    return texts
