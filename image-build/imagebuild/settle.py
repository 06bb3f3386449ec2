"""Owns what turns installed packages into the box's root file system: users, what starts at boot,
what is left out, what belongs to no machine yet.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from imagebuild import audit, volatile
from imagebuild.command import say

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from imagebuild.release import Release
    from imagebuild.tools import Tools

LEFT_OUT = ("apt", "libapt-pkg7.0", "sqv", "debian-archive-keyring", "dpkg")
"""Packages that were needed to install the others; a root file system that is replaced as a whole
needs none of them."""
_GONE = (
    *(
        "boot/*",
        "etc/apt",
        "etc/dpkg",
        "etc/cron*",
        "etc/init.d",
        "etc/rc?.d",
        "etc/default/grub*",
    ),
    *(
        "etc/ssh/ssh_host_*",
        "etc/machine-id",
        "etc/hostname",
        "etc/*-",
        "etc/kernel",
        "etc/logrotate.d",
    ),
    *("etc/.pwd.lock", "tmp/*", "run/*", "dev/*", "root/.*", "home/*", "usr/share/doc-base"),
    *(
        "usr/share/doc/*/changelog*",
        "usr/share/bash-completion",
        "usr/share/zsh",
        "usr/share/fish",
    ),
    *("usr/share/lintian", "usr/share/bug", "usr/share/initramfs-tools", "usr/share/pixmaps"),
    *("usr/share/icons", "usr/share/applications", "usr/lib/udev/hwdb.*", "usr/lib/kernel"),
    *("usr/share/perl5/Debian", "etc/resolv.conf", "etc/systemd/system/*", "etc/systemd/user/*"),
)
_LEFT_BEHIND = ("etc/*-", "etc/.pwd.lock", "usr/lib/.updated", "etc/.updated")
_FOLDERS = ("data", "srv", "boot/jembatan", "proc", "sys", "dev", "run", "tmp", "mnt")
_LINKS = {
    "etc/resolv.conf": "/run/systemd/resolve/resolv.conf",
    "etc/mtab": "/proc/self/mounts",
    "etc/localtime": "/usr/share/zoneinfo/Etc/UTC",
}
_HOSTS = "127.0.0.1 localhost\n::1 localhost\n"


def clear(root: Path, release: Release, variant: str) -> None:
    """Take away what the box does not need, and what a machine would be known by.

    `variant`: "development" or "release", by the keys of its updates.
    """
    _leave_out(root)
    _identify(root, release, variant)


def finish(root: Path, tools: Tools) -> None:
    """Users, what starts at boot, /var; afterwards nothing is installed any more."""
    tools.run("systemd-sysusers", f"--root={tools.see(root)}")
    _lock_accounts(root)
    _enable(root, tools)
    _forget(root)
    volatile.make_volatile(root)
    stripped = audit.strip_set_id(root)
    say(f"no file runs with its owner's rights any more: {' '.join(stripped) or 'none did'}")


def _leave_out(root: Path) -> None:
    for package in LEFT_OUT:
        for path in _files_of(root, package):
            path.unlink()
    for pattern in _GONE:
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name in _FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)


def _files_of(root: Path, package: str) -> Iterable[Path]:
    """A package's files, as dpkg wrote down; folders are not among them."""
    info = root / "var/lib/dpkg/info"
    lists = [file for file in info.glob(f"{package}*.list") if _is_of(file.stem, package)]
    for line in lists[0].read_text(encoding="utf-8").splitlines() if lists else ():
        path = root / line.lstrip("/")
        if path.is_symlink() or path.is_file():
            yield path


def _is_of(stem: str, package: str) -> bool:
    return stem.partition(":")[0] == package


def _identify(root: Path, release: Release, variant: str) -> None:
    """Whose image this is; no machine's name or id."""
    for name, target in _LINKS.items():
        link = root / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    (root / "etc/machine-id").touch()
    (root / "etc/hosts").write_text(_HOSTS, encoding="ascii")
    (root / "etc/hostname").write_text("jembatan\n", encoding="ascii")
    told = root / "usr/lib/os-release"
    image = f"IMAGE_ID=jembatan\nIMAGE_VERSION={release.version}\nVARIANT_ID={variant}\n"
    image += f"JEMBATAN_BUILD={release.rank}\n"
    told.write_text(told.read_text(encoding="utf-8") + image, encoding="utf-8")
    # A clock that was never set starts at the image's own date.
    (root / "usr/lib/clock-epoch").touch()


def _lock_accounts(root: Path) -> None:
    """No account has a password, and none says on which day it was made."""
    shadow = root / "etc/shadow"
    lines = [_locked(line) for line in shadow.read_text(encoding="utf-8").splitlines()]
    shadow.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _locked(line: str) -> str:
    """An account's line: no password, and no day of the build."""
    name, _, _, *rest = line.split(":")
    return ":".join((name, "!*", "1", *rest))


def _forget(root: Path) -> None:
    """What the programs that were run here have left."""
    for pattern in _LEFT_BEHIND:
        for path in root.glob(pattern):
            path.unlink()


def _enable(root: Path, tools: Tools) -> None:
    """What starts at boot is what the presets say, and nothing that a package had enabled."""
    tools.run("systemctl", f"--root={tools.see(root)}", "preset-all")
