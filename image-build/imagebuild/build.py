"""Owns the order of a build: layers, product, root file system, slot, card, and its papers."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from imagebuild import (
    archive,
    audit,
    bundle,
    cache,
    card,
    keys,
    layers,
    lock,
    locks,
    parts,
    places,
    product,
    quiet,
    release,
    sbom,
    settle,
    tools,
    wheels,
)
from imagebuild.command import run, say
from imagebuild.errors import NotRoot, TooLarge
from imagebuild.foreign import machine
from imagebuild.recipe import CHECKOUT, HERE, OUT, PARTS

if TYPE_CHECKING:
    from imagebuild.keys import Keys
    from imagebuild.layers import Built
    from imagebuild.lock import Deb
    from imagebuild.parts import Parts
    from imagebuild.recipe import Recipe
    from imagebuild.release import Release
    from imagebuild.tools import Tools

_MADE_FROM = ("appliance", "systemd", "image-build")
"""Of the checkout, what the two slots depend on."""
_RESULT = "appliance.box.result"
_KEYRING = "etc/rauc/keyring.pem"
_SLOT_FILES = ("root.squashfs", "boot.vfat", "Image", "initrd", "dtb")
_SLOTS_ENV = ("slots.env", "slots.bak")
_XZ_BLOCK = "24MiB"
UBOOT_ENV_BYTES = "0x4000"
"""As Debian's U-Boot for the Raspberry Pi is built, and boot.cmd has it for the slots."""


@dataclass(frozen=True)
class Asked:
    """What somebody wants built."""

    board: str
    mirror: str
    keys: Path | None = None
    """The folder of the keys whose updates the image takes; none: this machine's own."""
    bundle: bool = False
    """An update file too."""


def build(recipe: Recipe, asked: Asked) -> Path:
    """The compressed image of a board, in .cache/image/out. Raises NotBuilt."""
    if os.geteuid():
        raise NotRoot
    made = release.released()
    trusted = keys.keys(asked.keys)
    say(f"jembatan {made.version} for {asked.board}")
    locked = (lock.load(locks.image_file(recipe)), locks.require_tools(machine()))
    archive.fetch((deb for one in locked for deb in one.debs), asked.mirror)
    with layers.working_folder() as name:
        work = Path(name)
        under_way = _Build(recipe, made, trusted, work, tools.tools(work, made.epoch_s))
        image = under_way.card(asked.board)
        if asked.bundle:
            under_way.bundle()
    return image


@dataclass(frozen=True)
class _Build:
    recipe: Recipe
    release: Release
    keys: Keys
    work: Path
    tools: Tools

    # The Debian part

    @cached_property
    def _debs(self) -> dict[str, tuple[Deb, ...]]:
        file = locks.image_file(self.recipe)
        names = [layer.name for layer in self.recipe.layers]
        return {name: self._lock.layer(name, file) for name in (*names, "compiler", PARTS)}

    @cached_property
    def _lock(self) -> lock.Lock:
        return lock.load(locks.image_file(self.recipe))

    @cached_property
    def _box_debs(self) -> tuple[Deb, ...]:
        return tuple(deb for layer in self.recipe.layers for deb in self._debs[layer.name])

    def _layers(self) -> tuple[Built, Built]:
        """All of the box's layers; and the compiler, which stands upon the first of them."""
        names = [layer.name for layer in self.recipe.layers]
        box = layers.Mason(self.recipe.architecture, self._box_debs)
        first, *others = names
        base = box.upon(None, first, self._debs[first])
        compiling = (*self._debs[first], *self._debs["compiler"])
        mason = layers.Mason(self.recipe.architecture, compiling)
        compiler = mason.upon(base, "compiler", self._debs["compiler"])
        top = base
        for name in others:
            top = box.upon(top, name, self._debs[name])
        return top, compiler

    # The slot: a root file system and what starts it

    @cached_property
    def slot(self) -> Path:
        """A folder with what one slot holds."""
        box, compiler = self._layers()
        taken = parts.take(self._debs[PARTS], self.recipe)

        def make(place: Path) -> None:
            place.mkdir()
            root = self.work / "root"
            layers.unpack(box, root)
            self._furnish(root, compiler, taken)
            squashfs = self._squash(root)
            squashfs.rename(place / "root.squashfs")
            self._boot_files(place, taken)
            shutil.rmtree(root)

        made_from = (cache.tree_key(CHECKOUT / name) for name in _MADE_FROM)
        locked = (package.line for package in wheels.locked())
        trusted = self.keys.authority.read_text(encoding="ascii")
        parts_of = (
            self.keys.variant,
            trusted,
            box.key,
            compiler.key,
            taken.folder.name,
            self.release,
            *made_from,
            *locked,
        )
        return cache.kept("slot", cache.key(parts_of), make)

    def _furnish(self, root: Path, compiler: Built, taken: Parts) -> None:
        settle.clear(root, self.release, self.keys.variant)
        say("the product and its Python packages")
        product.install(root, compiler)
        shutil.copyfile(self.keys.authority, root / _KEYRING)
        say(f"Linux {taken.release}")
        seen = self.tools.see(root)
        taken.install_modules(root, lambda name: self.tools.run("depmod", "-b", seen, name))
        taken.install_firmware(root)
        settle.finish(root, self.tools)
        say("byte code")
        product.compile_python(self.tools, root)
        say("looking for what must not be shipped")
        audit.require_fit(root, builders=(str(CHECKOUT),))

    def _squash(self, root: Path) -> Path:
        say("packing the root file system")
        file, epoch = self.work / "root.squashfs", str(self.release.epoch_s)
        # SOURCE_DATE_EPOCH and these options exclude one another.
        self.tools.run(
            *("env", "--unset=SOURCE_DATE_EPOCH", "mksquashfs", root, file, "-comp", "zstd"),
            *("-no-xattrs", "-noappend", "-no-progress", "-quiet"),
            *("-mkfs-time", epoch, "-all-time", epoch),
        )
        _require_small("the root file system", file, self.recipe.limits.root_mb)
        return file

    def _boot_files(self, place: Path, taken: Parts) -> None:
        content = {
            "Image": taken.kernel(),
            "initrd": taken.initrd(),
            **{f"dtb/{name}": tree for name, tree in taken.trees().items()},
            "slot.env": slot_env(self.release).encode(),
        }
        for name, data in content.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        fat = self.work / "boot.vfat"
        card.make_fat(self.tools, fat, card.BOOT_A, content)
        fat.rename(place / "boot.vfat")

    # The card

    def card(self, board: str) -> Path:
        """The whole card, compressed, and beside it its hash, its parts list and its manifest."""
        slot = self.slot
        taken = parts.take(self._debs[PARTS], self.recipe)
        say("the first partition and the card")
        boot, empty = self.work / "first.vfat", self.work / "empty.vfat"
        card.make_fat(self.tools, boot, card.BOOT, self._first_partition(board, taken))
        card.make_fat(self.tools, empty, card.BOOT_B, {})
        image = self.work / f"jembatan-{self.release.version}-{board}.img"
        held = {
            card.BOOT: boot,
            card.BOOT_A: slot / "boot.vfat",
            card.BOOT_B: empty,
            card.ROOT_A: slot / "root.squashfs",
        }
        card.assemble(self.tools, image, held)
        say("compressing")
        self.tools.run("xz", "-T0", "-0", f"--block-size={_XZ_BLOCK}", "--keep", image)
        packed = image.with_name(f"{image.name}.xz")
        _require_small("the image", packed, self.recipe.limits.compressed_mb)
        return self._publish(board, image, packed, slot, taken)

    def _first_partition(self, board: str, taken: Parts) -> dict[str, bytes]:
        script = self.work / "boot.cmd"
        shutil.copyfile(HERE / "boot" / "boot.cmd", script)
        made = self.work / "boot.scr"
        self.tools.run(
            *("mkimage", "-A", "arm64", "-T", "script", "-C", "none"),
            *("-n", "jembatan", "-d", script, made),
        )
        return {
            **(self._for_pi(taken) if board == "rpi" else {}),
            "boot.scr": made.read_bytes(),
            "jembatan.txt": (CHECKOUT / "appliance" / "box" / "jembatan.txt").read_bytes(),
            # The box and U-Boot only ever write over these, so a pulled plug finds the file
            # system's own tables untouched; U-Boot would also leave the count of its free
            # clusters as it was. Nothing is remembered of the slots yet.
            "jembatan-result.txt": run(sys.executable, "-m", _RESULT, cwd=CHECKOUT).encode(),
            **dict.fromkeys(_SLOTS_ENV, bytes(int(UBOOT_ENV_BYTES, 16))),
            **places.on_first_partition(board),
        }

    def _for_pi(self, taken: Parts) -> dict[str, bytes]:
        """What the firmware of a Raspberry Pi and its U-Boot read."""
        source, made = self.work / "uboot-rpi.env", self.work / "uboot.env"
        shutil.copyfile(HERE / "boot" / source.name, source)
        self.tools.run("mkenvimage", "-s", UBOOT_ENV_BYTES, "-o", made, source)
        return {**taken.firmware(), **self._trees(taken), made.name: made.read_bytes()}

    def _trees(self, taken: Parts) -> dict[str, bytes]:
        """What the board's firmware reads: device trees, overlays for pins and for U-Boot."""
        found = dict(self._silenced(name, tree) for name, tree in taken.trees().items())
        overlays = (*(CHECKOUT / "hw" / "overlays").glob("*.dts"), *(HERE / "boot").glob("*.dts"))
        for source in sorted(overlays):
            made = self.work / f"{source.stem}.dtbo"
            text = source.read_text(encoding="utf-8")
            self.tools.run("dtc", "-@", "-I", "dts", "-O", "dtb", "-o", made, "-", text=text)
            found[f"overlays/{made.name}"] = made.read_bytes()
        return found

    def _silenced(self, name: str, tree: bytes) -> tuple[str, bytes]:
        file = self.work / Path(name).name
        file.write_bytes(tree)
        quiet.silence(self.tools, file)
        return file.name, file.read_bytes()

    def bundle(self) -> Path:
        """The same slot as an update, signed. Raises NoKeys where nothing can sign."""
        work = self.work / "bundle"
        work.mkdir()
        version = bundle.version_text(self.release.version, release.schema())
        target = OUT / f"jembatan-{self.release.version}.raucb"
        for old in OUT.glob("jembatan-*.raucb"):
            old.unlink()
        made = (self.keys, version, self.release.rank, target)
        return bundle.make(self.tools, work, self.slot, *made)

    def _publish(self, board: str, image: Path, packed: Path, slot: Path, taken: Parts) -> Path:
        OUT.mkdir(parents=True, exist_ok=True)
        for old in OUT.glob(f"jembatan-*-{board}.*"):
            old.unlink()
        for name in _SLOT_FILES:
            run("cp", "--archive", "--force", "--no-target-directory", slot / name, OUT / name)
        shutil.copyfile(taken.u_boot_vm, OUT / "u-boot-vm.bin")
        self._papers(board, image, packed, taken)
        for file in (image, packed):
            file.rename(OUT / file.name)
        return OUT / packed.name

    def _papers(self, board: str, image: Path, packed: Path, taken: Parts) -> None:
        name = f"jembatan-{self.release.version}-{board}"
        hashes = {file.name: archive.sha256(file) for file in (image, packed)}
        sums = "".join(f"{digest}  {file}\n" for file, digest in hashes.items())
        (OUT / f"{name}.sha256").write_text(sums, encoding="ascii")
        shipped = [deb for deb in self._box_debs if deb.name not in settle.LEFT_OUT]
        document = sbom.document(self.release, board, (*shipped, *self._debs[PARTS]))
        (OUT / f"{name}.spdx.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
        manifest = {
            "version": self.release.version,
            "board": board,
            "made_s": self.release.epoch_s,
            "packages_locked": f"{self._lock.made:%Y-%m-%d}",
            "linux": taken.release,
            "sha256": hashes,
            "bytes": {file.name: file.stat().st_size for file in (image, packed)},
        }
        text = json.dumps(manifest, indent=1)
        (OUT / f"{name}.manifest.json").write_text(text, encoding="ascii")


def slot_env(made: Release) -> str:
    """What U-Boot reads of a slot: its rank among slots, and arguments for its kernel."""
    # Without bpf in `lsm` systemd does not spend seconds on a filter that no unit asks for.
    args = "systemd.gpt_auto=no lsm=landlock,lockdown,yama,integrity,apparmor"
    return f"slot_rank={made.rank}\nslot_args={args}\n"


def _require_small(what: str, file: Path, limit_mb: int) -> None:
    size_mb = file.stat().st_size // 10**6
    say(f"{what}: {size_mb} MB")
    if size_mb > limit_mb:
        raise TooLarge(what=what, size_mb=size_mb, limit_mb=limit_mb)
