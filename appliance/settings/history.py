"""Owns putting settings in force: checked, a numbered copy kept, published in one step."""

from __future__ import annotations

import fcntl
import hashlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from appliance import durable
from appliance.errors import BadSettings, NotThere
from appliance.settings import purposes
from appliance.settings.load import parse, settings_path, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEPT = 100


@dataclass(frozen=True, slots=True)
class Version:
    """One published text of the settings; `saved_at` is as right as the box's clock was."""

    number: int
    saved_at: datetime
    path: Path


def publish(root: Path, text: str, file: str = "jembatan.toml") -> int:
    """Put a text in force and keep a copy; its number.

    Raises BadSettings and BackToTests, with nothing changed.
    """
    settings = parse(text, file)
    with _alone(root):
        purposes.must_stay(settings, _earlier(root))
        number = max((version.number for version in history(root)), default=0) + 1
        content = text.encode()
        durable.publish(_folder(root) / f"{number:04}.toml", content)
        durable.publish(settings_path(root), content)
        for old in history(root)[KEPT:]:
            old.path.unlink()
    return number


def history(root: Path) -> list[Version]:
    """The copies kept, newest first."""
    found = filter(None, map(_version, _folder(root).glob("[0-9]*.toml")))
    return sorted(found, key=_number, reverse=True)


def restore(root: Path, number: int) -> int:
    """Put an earlier text in force again, as a new version."""
    for version in history(root):
        if version.number == number:
            return publish(root, text_of(version.path), version.path.name)
    raise NotThere(what=f"version {number} of the settings")


def import_file(root: Path, path: Path) -> bool:
    """Put a file in force unless it is the one imported last; whether it was.

    What the page changed since then stays until the file changes.
    """
    text = text_of(path)
    digest = hashlib.sha256(text.encode()).hexdigest()
    memory = root / "etc" / "imported.sha256"
    if memory.exists() and memory.read_text() == digest:
        return False
    publish(root, text, path.name)
    durable.publish(memory, digest.encode())
    return True


def _folder(root: Path) -> Path:
    return root / "etc" / "history"


def _earlier(root: Path) -> Iterator[str]:
    """What was in force before, newest first; what cannot be read any longer is passed over."""
    for path in (settings_path(root), *(version.path for version in history(root))):
        with suppress(BadSettings):
            yield text_of(path)


def _version(path: Path) -> Version | None:
    """None where keeper has just let go of it."""
    try:
        saved_at_s = path.stat().st_mtime
    except FileNotFoundError:
        return None
    return Version(int(path.stem), datetime.fromtimestamp(saved_at_s, UTC), path)


def _number(version: Version) -> int:
    return version.number


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """The command line and keeper must not give the same number twice."""
    _folder(root).mkdir(parents=True, exist_ok=True)
    with (_folder(root) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
