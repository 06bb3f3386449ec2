"""Owns /var on a box where it is empty at every start: what Debian's packages expect there is made
again by systemd-tmpfiles from what they had put there.
"""

from __future__ import annotations

import shutil
import stat
from typing import TYPE_CHECKING

from imagebuild.errors import TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FACTORY = "usr/share/factory"
"""Where systemd-tmpfiles copies from."""
LIST = "usr/lib/tmpfiles.d/zz-var.conf"
"""Read last: what others say about the same path comes first."""
_LIMIT_MB = 2
_GONE = (
    *("var/cache/*", "var/log/*", "var/backups", "var/lib/apt", "var/lib/dpkg", "var/lib/ucf"),
    *(
        "var/lib/systemd/*",
        "var/lib/pam",
        "var/lib/dbus",
        "var/lib/python",
        "var/lib/shells.state",
    ),
    *("var/lib/ca-certificates", "var/lib/misc", "var/mail", "var/local", "var/opt", "var/spool"),
    *("var/lib/xfonts", "var/lib/sgml-base", "var/lib/xml-core", "var/tmp/*", "var/lib/polkit-1"),
)
_STATIC = ("var/lib/ghostscript",)
"""What is never written, and too much to be copied at every start."""
_MAKES = frozenset("dDeqQvCLfF")


def make_volatile(root: Path) -> None:
    """Empty /var of a root file system and have it made anew at every start. Raises TooLarge."""
    for pattern in _GONE:
        for path in root.glob(pattern):
            _delete(path)
    static = [_link(root, name) for name in _STATIC if (root / name).is_dir()]
    known = set(made_by(sorted((root / "usr/lib/tmpfiles.d").glob("*.conf"))))
    lines = static + [line for path, line in _lines(root) if path not in known]
    (root / LIST).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    _move(root)


def made_by(lists: Iterable[Path]) -> Iterator[str]:
    """Every path that lists of systemd-tmpfiles make."""
    for file in lists:
        for line in file.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words and words[0][0] in _MAKES:
                yield words[1]


def _link(root: Path, name: str) -> str:
    """Move a folder to where it is only read; the line that makes a link to it."""
    target = root / FACTORY / name
    target.parent.mkdir(parents=True, exist_ok=True)
    (root / name).rename(target)
    return f"L /{name} - - - - /{FACTORY}/{name}"


def _lines(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((root / "var").rglob("*")):
        inside = f"/{path.relative_to(root)}"
        found = path.lstat()
        owners = f"{stat.S_IMODE(found.st_mode):04o} {found.st_uid} {found.st_gid}"
        if path.is_symlink():
            yield inside, f"L {inside} - - - - {path.readlink()}"
        elif path.is_dir():
            yield inside, f"d {inside} {owners}"
        else:
            yield inside, f"C {inside} {owners}"


def _move(root: Path) -> None:
    """Files go where systemd-tmpfiles copies from; /var itself stays, empty."""
    var, factory = root / "var", root / FACTORY / "var"
    files = [path for path in var.rglob("*") if path.is_file() and not path.is_symlink()]
    size_mb = sum(path.stat().st_size for path in files) / 1e6
    if size_mb > _LIMIT_MB:
        raise TooLarge(what="/var", size_mb=round(size_mb), limit_mb=_LIMIT_MB)
    for path in files:
        target = factory / path.relative_to(var)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    for path in list(var.iterdir()):
        _delete(path)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
