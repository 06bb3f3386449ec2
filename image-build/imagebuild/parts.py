"""Owns what is taken out of packages without installing them: kernel, firmware, U-Boot."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild import cache, initrd, layers, modules, needed
from imagebuild.command import run
from imagebuild.errors import FirmwareMissing, NotBuilt, TooLarge
from imagebuild.recipe import HERE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from imagebuild.lock import Deb
    from imagebuild.recipe import Recipe

_DTBS = (
    *("bcm2837-rpi-3-a-plus", "bcm2837-rpi-3-b", "bcm2837-rpi-3-b-plus", "bcm2837-rpi-cm3-io3"),
    *("bcm2837-rpi-zero-2-w", "bcm2711-rpi-4-b", "bcm2711-rpi-400", "bcm2711-rpi-cm4-io"),
)
_FIRMWARE = ("bootcode.bin", "start*.elf", "fixup*.dat")
_NOT_FIRMWARE = ("_db.", "_x.", "4db.", "4x.")
"""Debugging and camera variants of the firmware."""
_UBOOT_RPI = "u-boot-rpi/usr/lib/u-boot/rpi_arm64/u-boot.bin"
_UBOOT_VM = "u-boot-qemu/usr/lib/u-boot/qemu_arm64/u-boot.bin"
_INIT = HERE / "initrd" / "init"


@dataclass(frozen=True)
class Parts:
    """The packages, taken apart in a folder."""

    folder: Path
    recipe: Recipe

    @property
    def release(self) -> str:
        """The kernel's."""
        found = list(self.folder.glob("linux-image-*/usr/lib/modules/*"))
        if len(found) != 1:
            raise NotBuilt(why=f"{len(found)} kernels are locked, one is needed")
        return found[0].name

    @property
    def all_modules(self) -> Path:
        """All of the kernel's modules, with depmod's tables."""
        return next(self.folder.glob("linux-image-*/usr/lib/modules/*"))

    @property
    def u_boot_vm(self) -> Path:
        """What a virtual machine is given as its firmware; it lies on no card."""
        return self.folder / _UBOOT_VM

    def kernel(self) -> bytes:
        """The image that U-Boot's booti starts."""
        return next(self.folder.glob("linux-image-*/boot/vmlinuz-*")).read_bytes()

    def trees(self) -> dict[str, bytes]:
        """Device trees by VENDOR/NAME.dtb."""
        vendor = next(self.folder.glob("linux-image-*/usr/lib/linux-image-*/broadcom"))
        return {f"broadcom/{name}.dtb": (vendor / f"{name}.dtb").read_bytes() for name in _DTBS}

    def firmware(self) -> dict[str, bytes]:
        """What a Raspberry Pi reads from the first partition, U-Boot among it."""
        home = self.folder / "raspi-firmware" / "usr" / "lib" / "raspi-firmware"
        files = [path for pattern in _FIRMWARE for path in home.glob(pattern)]
        wanted = [path for path in files if not any(mark in path.name for mark in _NOT_FIRMWARE)]
        content = {path.name: path.read_bytes() for path in wanted}
        content["LICENCE.broadcom"] = _licence(self.folder / "raspi-firmware")
        content["u-boot.bin"] = (self.folder / _UBOOT_RPI).read_bytes()
        return content

    def chosen(self) -> modules.Chosen:
        """The modules that the recipe keeps. Raises ModuleMissing, NotEarly."""
        home = self.all_modules
        needs, builtin = modules.read_needs(home), modules.read_builtin(home)
        chosen = modules.choose(needs, builtin, self.recipe.modules)
        needed.require_early(self.trees(), needed.read_claims(home), chosen.early, needs)
        return chosen

    def initrd(self) -> bytes:
        """The initial RAM disk; the same in both slots and on both boards."""
        busybox = (self.folder / "busybox-static" / "usr" / "bin" / "busybox").read_bytes()
        early = ((path, modules.content(self.all_modules / path)) for path in self.chosen().early)
        named = ((path.rsplit("/", 1)[-1].removesuffix(".xz"), content) for path, content in early)
        return initrd.pack(_INIT.read_text(encoding="utf-8"), busybox, named)

    def install_modules(self, root: Path, depmod: Callable[[str], object]) -> None:
        """Put what is kept into a root file system. Raises TooLarge."""
        target = root / "usr" / "lib" / "modules" / self.release
        target.parent.mkdir(parents=True, exist_ok=True)
        run("cp", "--archive", "--no-target-directory", self.all_modules, target)
        modules.prune(target, self.chosen().kept)
        depmod(self.release)
        size_mb = sum(path.stat().st_size for path in target.rglob("*") if path.is_file()) // 10**6
        if size_mb > self.recipe.limits.modules_mb:
            limit_mb = self.recipe.limits.modules_mb
            raise TooLarge(what="the kernel's modules", size_mb=size_mb, limit_mb=limit_mb)

    def install_firmware(self, root: Path) -> None:
        """Put what devices are given by the kernel into a root file system.

        Raises FirmwareMissing.
        """
        for pattern in self.recipe.firmware:
            found = sorted(self.folder.glob(f"firmware-*/usr/lib/firmware/{pattern}"))
            if not found:
                raise FirmwareMissing(pattern=pattern)
            for path in found:
                _, *there = path.relative_to(self.folder).parts
                target = root.joinpath(*there)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target, follow_symlinks=False)


def _licence(package: Path) -> bytes:
    return (package / "usr/share/doc/raspi-firmware/copyright").read_bytes()


def take(debs: tuple[Deb, ...], recipe: Recipe) -> Parts:
    """The locked parts; taken apart now where that was not done yet."""

    def make(place: Path) -> None:
        layers.taken_apart(debs, place)
        release = next(place.glob("linux-image-*/usr/lib/modules/*"))
        base = release.parents[2]
        run("/sbin/depmod", "--basedir", base, release.name)

    key = cache.key(sorted(deb.sha256 for deb in debs))
    return Parts(cache.kept("parts", key, make), recipe)
