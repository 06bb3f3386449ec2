"""Owns where the product's files lie on the box: systemd/ by kind, the overlay as it is.

A new file there needs no change here.
"""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from imagebuild.errors import NoPlace
from imagebuild.recipe import CHECKOUT, HERE

if TYPE_CHECKING:
    from collections.abc import Iterator

SYSTEMD = CHECKOUT / "systemd"
OVERLAY = HERE / "overlay"
BOOT = "boot/jembatan"
"""What the overlays have below it lies on the first partition."""
UNITS = "usr/lib/systemd/system"

_UNIT_KINDS = (".target", ".service", ".socket", ".mount", ".path", ".timer", ".slice")
_FOLDERS = {
    "sysusers.d": "usr/lib/sysusers.d",
    "tmpfiles.d": "usr/lib/tmpfiles.d",
    "modules-load.d": "usr/lib/modules-load.d",
    "modprobe.d": "usr/lib/modprobe.d",
    "sysctl.d": "usr/lib/sysctl.d",
    "network": "usr/lib/systemd/network",
    "system-preset": "usr/lib/systemd/system-preset",
    "udev": "usr/lib/udev/rules.d",
    "sshd_config.d": "etc/ssh/sshd_config.d",
    "dbus": "usr/share/dbus-1/system.d",
}


def place(name: str) -> str:
    """Where a file of systemd/ lies on the box: `systemd/udev/a.rules` is asked for as
    `udev/a.rules`. Raises NoPlace.
    """
    path = PurePosixPath(name)
    top = path.parts[0]
    if len(path.parts) == 1 and path.suffix in _UNIT_KINDS:
        return f"{UNITS}/{name}"
    if top.removesuffix(".d").endswith(_UNIT_KINDS) and top.endswith(".d"):
        return f"{UNITS}/{name}"
    if top in _FOLDERS and len(path.parts) > 1:
        return "/".join((_FOLDERS[top], *path.parts[1:]))
    if top.endswith(".conf.d"):
        return f"usr/lib/systemd/{name}"
    raise NoPlace(name=name)


def units(folder: Path = SYSTEMD) -> Iterator[str]:
    """The product's own units that start by themselves: those which say what wants them."""
    for path in sorted(folder.iterdir()):
        if path.suffix in _UNIT_KINDS and "\n[Install]" in path.read_text(encoding="utf-8"):
            yield path.name


def install(root: Path, folder: Path = SYSTEMD) -> None:
    """Put all of systemd/ into a root file system. Raises NoPlace."""
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if path.name != "README.md":
            _put(path, root / place(name), 0o644)


def lay_over(root: Path, overlay: Path = OVERLAY) -> None:
    """Put the overlay's files at their final paths; what is for the first partition is not."""
    for path in _files(overlay):
        name = path.relative_to(overlay).as_posix()
        if not name.startswith(f"{BOOT}/"):
            _put(path, root / name, 0o755 if path.stat().st_mode & 0o100 else 0o644)


def on_first_partition(board: str, folder: Path = HERE) -> dict[str, bytes]:
    """What the overlays have for the first partition; the board's own comes before the common."""
    found = {}
    for overlay in (folder / "overlay", folder / f"overlay-{board}"):
        home = overlay / BOOT
        for path in _files(home) if home.is_dir() else ():
            found[path.relative_to(home).as_posix()] = path.read_bytes()
    return found


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or path.is_file():
            yield path


def _put(source: Path, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.exists():
        target.unlink()
    shutil.copyfile(source, target, follow_symlinks=False)
    if not target.is_symlink():
        target.chmod(mode)
