"""Owns the settings in force as a running service sees them: re-read on change, never lost."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from appliance.errors import BadSettings
from appliance.settings.history import history
from appliance.settings.load import load, settings_path
from appliance.settings.schema import Settings

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)


class Current:
    """The last good settings of a box; `problem` says why the file is not among them."""

    def __init__(self, root: Path) -> None:
        """Read the file; where it is bad, the newest good copy of the history stands in."""
        self.problem: BadSettings | None = None
        self._root = root
        self._path = settings_path(root)
        self._seen = _stamp(self._path)
        self._settings = _last_good(root, Settings())
        if self._seen:
            self._reread()

    def get(self) -> Settings:
        """The settings in force; costs one stat() while the file stays as it is."""
        stamp = _stamp(self._path)
        if stamp != self._seen:
            self._seen = stamp
            self._reread()
        return self._settings

    def _reread(self) -> None:
        try:
            self._settings = load(self._path)
            self.problem = None
        except BadSettings as problem:
            self.problem = problem
            # Not what this process happens to remember: others may have read a newer good text.
            self._settings = _last_good(self._root, self._settings)
            _log.error("settings refused, the last good ones stay: %s", problem)


def _last_good(root: Path, otherwise: Settings) -> Settings:
    for version in history(root):
        with suppress(BadSettings):
            return load(version.path)
    return otherwise


def _stamp(path: Path) -> tuple[int, ...]:
    """Changes when the file does; empty where there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_ino, found.st_mtime_ns, found.st_size)
