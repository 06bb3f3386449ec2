"""Owns what a root file system must be to be shipped: nobody's password, nobody's key, nothing
that everybody may write or that runs with somebody else's rights.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from imagebuild.errors import RootRefused
from imagebuild.recipe import PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SET_ID_ALLOWED: frozenset[str] = frozenset()
"""Files that may run with their owner's or group's rights. The box has no users who log in and
need that: services are given what they need by their units."""
_WRITABLE_ALLOWED = frozenset({"tmp", "var/tmp"})
"""Sticky folders for everybody's temporary files."""
_MUST_BE_EMPTY = ("etc/machine-id",)
_MUST_NOT_BE = (
    *("etc/ssh/ssh_host_*", "var/lib/dbus/machine-id", "etc/apt/sources.list", "root/.*history"),
    *(
        "etc/hostid",
        "root/.ssh",
        "var/lib/systemd/random-seed",
        "etc/systemd/system/*.wants/getty*",
    ),
)
# A read-only system without byte code would compile its Python at every start.
_BYTE_CODE = f"__init__.cpython-{PYTHON.replace('.', '')}.pyc"
_MUST_BE = (
    *("sbin/init", "etc/passwd", "opt/jembatan/bin/python", "data", "boot/jembatan", "srv"),
    f"opt/jembatan/lib/python{PYTHON}/site-packages/appliance/__pycache__/{_BYTE_CODE}",
)
_READ_BY_ALL = ("opt/jembatan",)
"""The services' own code; each of them runs as somebody else."""
_LOOKED_INTO = ("etc", "usr/share/factory", "usr/lib/systemd", "opt/jembatan/bin")
_PRIVATE_KEY = b" PRIVATE KEY-----"
_LARGEST_TEXT = 1 << 20


def require_fit(root: Path, builders: Iterable[str] = ()) -> None:
    """Refuse a root file system that must not be shipped. Raises RootRefused with all reasons.

    `builders`: texts of the machine it was built on that must not stand in its configuration.
    """
    found = list(findings(root, builders))
    if found:
        raise RootRefused(findings="; ".join(found))


def findings(root: Path, builders: Iterable[str] = ()) -> Iterator[str]:
    """What is wrong, a sentence each."""
    yield from _modes(root)
    yield from _unreadable(root)
    yield from _passwords(root)
    yield from _presence(root)
    yield from _contents(root, tuple(text.encode() for text in builders if text))


def strip_set_id(root: Path) -> list[str]:
    """Take set-user-ID and set-group-ID from every file but the allowed; which they were."""
    stripped = []
    for path in sorted(root.rglob("*")):
        found = path.lstat()
        name = path.relative_to(root).as_posix()
        if _runs_as_another(found.st_mode) and name not in SET_ID_ALLOWED:
            path.chmod(stat.S_IMODE(found.st_mode) & ~(stat.S_ISUID | stat.S_ISGID))
            stripped.append(name)
    return stripped


def _runs_as_another(mode: int) -> bool:
    return stat.S_ISREG(mode) and bool(mode & (stat.S_ISUID | stat.S_ISGID))


def _modes(root: Path) -> Iterator[str]:
    owners = {line.split(":")[2] for line in _lines(root / "etc/passwd")}
    groups = {line.split(":")[2] for line in _lines(root / "etc/group")}
    for path in sorted(root.rglob("*")):
        found, name = path.lstat(), path.relative_to(root).as_posix()
        if _runs_as_another(found.st_mode) and name not in SET_ID_ALLOWED:
            yield f"/{name} runs with the rights of its owner or group"
        if str(found.st_uid) not in owners or str(found.st_gid) not in groups:
            yield f"/{name} belongs to nobody known ({found.st_uid}:{found.st_gid})"
        if stat.S_ISBLK(found.st_mode) or stat.S_ISCHR(found.st_mode):
            yield f"/{name} is a device"
        if found.st_mode & stat.S_IWOTH and not path.is_symlink():
            sticky = found.st_mode & stat.S_ISVTX and name in _WRITABLE_ALLOWED
            if not sticky:
                yield f"/{name} may be written by everybody"


def _unreadable(root: Path) -> Iterator[str]:
    for name in _READ_BY_ALL:
        folder = root / name
        for path in (folder, *sorted(folder.rglob("*"))):
            wanted = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
            if path.lstat().st_mode & wanted != wanted:
                yield f"/{path.relative_to(root)} may not be read by the services"


def _passwords(root: Path) -> Iterator[str]:
    for line in _lines(root / "etc/shadow"):
        name, password = line.split(":")[:2]
        if not password.startswith(("!", "*")):
            yield f"the account {name} is not locked"
    for line in _lines(root / "etc/passwd"):
        name, password, uid = line.split(":")[:3]
        if password not in {"x", "*"}:
            yield f"the account {name} is not locked"
        if uid == "0" and name != "root":
            yield f"the account {name} is root under another name"


def _presence(root: Path) -> Iterator[str]:
    for name in _MUST_BE_EMPTY:
        file = root / name
        if not file.is_file() or file.stat().st_size:
            yield f"/{name} is not an empty file"
    for pattern in _MUST_NOT_BE:
        yield from (f"/{path.relative_to(root)} is there" for path in root.glob(pattern))
    for name in _MUST_BE:
        if not (root / name).exists() and not (root / name).is_symlink():
            yield f"/{name} is missing"
    if any((root / "var").iterdir()):
        yield "/var is not empty"


def _contents(root: Path, builders: tuple[bytes, ...]) -> Iterator[str]:
    for folder in _LOOKED_INTO:
        for path in sorted((root / folder).rglob("*")):
            if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST_TEXT:
                continue
            content = path.read_bytes()
            if _PRIVATE_KEY in content:
                yield f"/{path.relative_to(root)} holds a private key"
            if any(text in content for text in builders):
                yield f"/{path.relative_to(root)} names the machine it was built on"


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
