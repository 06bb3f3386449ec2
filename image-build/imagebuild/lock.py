"""Owns the package locks: which Debian packages, in which version, with which SHA-256, for what.

A lock is text: `[LAYER]` opens a layer, then comes one package a line: name, version,
architecture, bytes, SHA-256, and its path below a Debian mirror's host. The first lines say when
it was made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from imagebuild.errors import LockUnreadable, NotAsLocked, NotLocked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_HEAD = "# Which Debian packages the image is made of. Made by: ./dev image relock\n"
_MOMENT = "made "
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PATH = re.compile(r"debian(-security)?/pool/[\w.+~/%:-]+\.deb")


@dataclass(frozen=True)
class Deb:
    """One Debian package as the archive has it."""

    name: str
    version: str
    architecture: str
    size_bytes: int
    sha256: str
    path: str
    """Below a mirror's host: `debian/pool/...` or `debian-security/pool/...`."""

    @classmethod
    def parse(cls, line: str) -> Self:
        """A line of the lock; ValueError says what is wrong with it."""
        fields = line.split()
        if len(fields) != 6:  # noqa: PLR2004
            message = "six fields are expected"
            raise ValueError(message)
        name, version, architecture, size, sha256, path = fields
        if not _SHA256.fullmatch(sha256):
            message = "the fifth field is no SHA-256"
            raise ValueError(message)
        if not _PATH.fullmatch(path) or ".." in path:
            message = "the last field is no path of a Debian archive"
            raise ValueError(message)
        return cls(name, version, architecture, int(size), sha256, path)

    def __str__(self) -> str:
        """The line of the lock."""
        fields = (self.name, self.version, self.architecture)
        return " ".join((*fields, str(self.size_bytes), self.sha256, self.path))

    @property
    def installed(self) -> str:
        """The line by which dpkg's own list names it."""
        return f"{self.name} {self.version} {self.architecture}"


@dataclass(frozen=True)
class Lock:
    """All packages of one architecture, by layer."""

    made: datetime
    layers: Mapping[str, tuple[Deb, ...]]

    @property
    def debs(self) -> tuple[Deb, ...]:
        """Of all layers."""
        return tuple(deb for layer in self.layers.values() for deb in layer)

    def layer(self, name: str, file: Path) -> tuple[Deb, ...]:
        """Its packages; NotLocked where the lock knows no such layer."""
        try:
            return self.layers[name]
        except KeyError:
            raise NotLocked(what=f"the layer {name}", file=file.name) from None


def render(lock: Lock) -> str:
    """The lock as text."""
    lines = [_HEAD, f"{_MOMENT}{lock.made:%Y-%m-%dT%H:%M:%SZ}\n"]
    for name, debs in lock.layers.items():
        lines.append(f"\n[{name}]\n")
        lines += [f"{deb}\n" for deb in sorted(debs, key=lambda deb: deb.name)]
    return "".join(lines)


def load(file: Path) -> Lock:
    """A lock from its file. Raises NotLocked or LockUnreadable."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotLocked(what="everything", file=file.name) from None
    return parse(text, file.name)


def parse(text: str, file: str) -> Lock:
    """A lock from its text. Raises LockUnreadable with the line."""
    made: datetime | None = None
    layers: dict[str, list[Deb]] = {}
    current: list[Deb] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        try:
            if line.startswith("["):
                current = layers.setdefault(_layer(line, layers), [])
            elif line.startswith(_MOMENT):
                made = _moment(line.removeprefix(_MOMENT))
            elif line and not line.startswith("#"):
                _into(current).append(Deb.parse(line))
        except ValueError as error:
            raise LockUnreadable(file=file, line=number, why=error) from None
    if made is None:
        raise LockUnreadable(file=file, line=1, why="it does not say when it was made")
    return Lock(made, {name: tuple(debs) for name, debs in layers.items()})


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _layer(line: str, known: Mapping[str, object]) -> str:
    name = line.strip("[] ")
    if name in known:
        message = f"a second layer {name}"
        raise ValueError(message)
    return name


def _into(current: list[Deb] | None) -> list[Deb]:
    if current is None:
        message = "a package outside of a layer"
        raise ValueError(message)
    return current


def require_installed(installed: Iterable[str], locked: Iterable[Deb]) -> None:
    """Refuse a root whose packages are not exactly the locked ones. Raises NotAsLocked.

    `installed`: `NAME VERSION ARCHITECTURE`, as dpkg-query prints it.
    """
    found, wanted = set(installed), {deb.installed for deb in locked}
    difference = [f"unlocked: {line}" for line in sorted(found - wanted)]
    difference += [f"missing: {line}" for line in sorted(wanted - found)]
    if difference:
        raise NotAsLocked(difference="; ".join(difference))


def renewed(old: Lock | None, new: Lock) -> Lock:
    """The new lock; where no package differs, the old one with its moment."""
    return old if old is not None and _same(old, new) else new


def _same(one: Lock, other: Lock) -> bool:
    return {name: set(debs) for name, debs in one.layers.items()} == {
        name: set(debs) for name, debs in other.layers.items()
    }
