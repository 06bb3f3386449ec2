"""Owns what an emulated Raspberry Pi 3B is started from: Debian's kernel and its device tree with
the box's own overlay, and a small root in memory with the product on Debian's Python.

Nothing here is a stand-in: kernel, device tree, pin driver, lgpio and gpiozero are those of a box.
"""

from __future__ import annotations

import hashlib
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.prove import board_lgpio, firmware
from tests.prove.guest_image import (
    ARM64,
    CACHE,
    PYTHON,
    compile_python,
    early_modules,
    entry,
    loadable,
    python_packages,
    release_of,
    run,
    unpack,
)
from tests.prove.machine import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

TREE = "bcm2837-rpi-3-b.dtb"
BOARDS = (
    *("bcm2711-rpi-4-b", "bcm2711-rpi-cm4-io", "bcm2837-rpi-3-b", "bcm2837-rpi-3-b-plus"),
    "bcm2837-rpi-zero-2-w",
)
OVERLAY = CHECKOUT / "hw" / "overlays" / "jembatan.dts"
_PACKAGES = (
    "busybox-static",
    "kmod",
    "python3",
    f"libpython{PYTHON}-dev",
    "python3-systemd",
    "tzdata",
)
_LOCKED = ("gpiozero", "colorzero", "pyserial", "tomlkit", "inotify-simple")
_MODULES = ("dwc2", "ftdi_sio", "leds_gpio", "i2c_bcm2835")
_KEPT = ("bin", "sbin", "lib", "usr/bin", "usr/sbin", "usr/lib", "opt", "etc")
_LEFT_OUT = ("usr/lib/modules", "usr/lib/linux-image", "usr/share", "usr/include", "usr/lib/gcc")
_LIBRARIES = (".a", ".o")
_INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t debugfs debugfs /sys/kernel/debug
for place in /tmp /run /data; do /bin/busybox mount -t tmpfs tmpfs $place; done
for module in {modules}; do /bin/busybox insmod "/modules/$module"; done
/bin/busybox ip link set lo up
/bin/busybox mkdir /run/tools
/bin/busybox --install -s /run/tools
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:/run/tools
until [ -e /dev/ttyUSB0 ]; do /bin/busybox sleep 0.1; done
exec /usr/bin/python3 /opt/agent.py /dev/ttyUSB0
"""


@dataclass(frozen=True)
class BoardImage:
    """What the board is started from; nothing here is ever written to."""

    folder: Path

    @property
    def kernel(self) -> Path:
        return self.folder / "kernel"

    @property
    def root(self) -> Path:
        """A RAM disk with everything."""
        return self.folder / "initrd"

    @property
    def tree(self) -> Path:
        return self.folder / TREE

    @property
    def release(self) -> str:
        """The kernel's."""
        return (self.folder / "release").read_text(encoding="ascii")


def board_image() -> BoardImage:
    """The image, made now where there is none of today's parts. Wants root."""
    base = _base()
    found = CACHE / f"board-{_digest(*_product())}"
    if not found.exists():
        for old in CACHE.glob("board-*"):
            shutil.rmtree(old)
        with TemporaryDirectory(dir=CACHE, prefix="new-") as folder:
            made = Path(folder, "image")
            made.mkdir()
            _make(base, made)
            made.rename(found)
    return BoardImage(found)


def _base() -> Path:
    """Debian's packages, unpacked, with the locked Python packages and lgpio."""
    parts = (*_PACKAGES, *_LOCKED, Path(board_lgpio.__file__).read_text(encoding="utf-8"))
    found = CACHE / f"boardroot-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:16]}"
    if not found.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        for old in CACHE.glob("boardroot-*"):
            shutil.rmtree(old)
        print("making the board's root", flush=True)
        with TemporaryDirectory(dir=CACHE, prefix="new-") as folder:
            root = Path(folder, "root")
            unpack(ARM64, root, (*_PACKAGES, "linux-image-arm64"))
            for name in ("bin", "sbin", "lib"):  # base-files has these links
                (root / name).symlink_to(f"usr/{name}")
            python_packages(ARM64, root, *_LOCKED)
            packages = root / "opt/jembatan/lib" / f"python{PYTHON}" / "site-packages"
            board_lgpio.lgpio_into(packages, root)
            compile_python(root, f"usr/lib/python{PYTHON}", "usr/lib/python3", "opt")
            run("depmod", "-b", root, release_of(root))
            root.rename(found)
    return found


def _product() -> Iterator[Path]:
    yield from (
        Path(__file__),
        Path(firmware.__file__),
        OVERLAY,
        CHECKOUT / "hw" / "pins.toml",
        _agent(),
    )
    yield from sorted((CHECKOUT / "appliance").rglob("*.*"))


def _agent() -> Path:
    return CHECKOUT / "tests" / "prove" / "guest_agent.py"


def _digest(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        if "__pycache__" not in file.parts:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _make(base: Path, made: Path) -> None:
    release = release_of(base)
    (made / "release").write_text(release, encoding="ascii")
    shutil.copy(base / "boot" / f"vmlinuz-{release}", made / "kernel")
    source = next(base.glob(f"usr/lib/linux-image-*/broadcom/{TREE}"))
    device_tree(source, made / TREE)
    modules = [
        loadable(path) for path in early_modules(base / "usr/lib/modules" / release, _MODULES)
    ]
    with (made / "initrd").open("wb") as archive:
        for piece in (*_folders(), *_system(base), *_ours(modules), entry("TRAILER!!!", 0)):
            archive.write(piece)


def every_tree(folder: Path) -> tuple[Path, ...]:
    """The trees of all boards with the overlay applied, as the image has them."""
    base = _base()
    made = []
    for name in BOARDS:
        made.append(folder / f"{name}.dtb")
        device_tree(next(base.glob(f"usr/lib/linux-image-*/broadcom/{name}.dtb")), made[-1])
    return tuple(made)


def device_tree(source: Path, target: Path) -> None:
    """A tree as the firmware hands it over, with the overlay as its source says it."""
    overlay = target.with_suffix(".dtbo")
    run("dtc", "-@", "-I", "dts", "-O", "dtb", "-o", overlay, OVERLAY)
    firmware.handed_over(source, target, overlay)


def _system(base: Path) -> Iterator[bytes]:
    for top in _KEPT:
        place = base / top
        if place.is_symlink():
            yield _file(place, top)
        else:
            for path in (place, *sorted(place.rglob("*"))):
                name = path.relative_to(base).as_posix()
                if not name.startswith(_LEFT_OUT) and path.suffix not in _LIBRARIES:
                    yield _file(path, name)


def _file(path: Path, name: str) -> bytes:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return entry(name, stat.S_IFLNK, str(path.readlink()).encode())
    if stat.S_ISDIR(status.st_mode):
        return entry(name, stat.S_IFDIR)
    return entry(name, stat.S_IFREG, path.read_bytes())


def _folders() -> Iterator[bytes]:
    for name in ("usr", "proc", "sys", "dev", "tmp", "run", "data", "modules"):
        yield entry(name, stat.S_IFDIR)


def _ours(modules: list[tuple[str, bytes]]) -> Iterator[bytes]:
    for name, content in modules:
        yield entry(f"modules/{name}", stat.S_IFREG, content)
    init = _INIT.format(modules=" ".join(name for name, _ in modules))
    yield entry("init", stat.S_IFREG, init.encode())
    yield entry("opt/agent.py", stat.S_IFREG, _agent().read_bytes())
    top = f"opt/jembatan/lib/python{PYTHON}/site-packages/appliance"
    for path in (CHECKOUT / "appliance", *sorted((CHECKOUT / "appliance").rglob("*"))):
        if "__pycache__" not in path.parts:
            name = path.relative_to(CHECKOUT / "appliance").as_posix()
            yield _resolved(path, top if name == "." else f"{top}/{name}")


def _resolved(path: Path, name: str) -> bytes:
    """A file of the checkout; where it is a link, what that leads to."""
    if path.is_dir():
        return entry(name, stat.S_IFDIR)
    return entry(name, stat.S_IFREG, path.read_bytes())
