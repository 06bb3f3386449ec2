"""Owns the update: both halves of a slot in one file, signed, as RAUC takes it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Protocol

from imagebuild.command import say
from imagebuild.errors import NoKeys

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.keys import Keys

COMPATIBLE = "jembatan-arm64"
"""As system.conf has it: one file serves both boards, which have the same slots."""

# The root file system first: should the power go between them, the slot still bears its old rank.
_MANIFEST = """[update]
compatible={compatible}
version={version}
build={rank}

[bundle]
format=verity

[image.rootfs]
filename=root.img

[image.boot]
filename=boot.img
"""


class Tools(Protocol):
    """What runs rauc."""

    def run(self, *words: str | Path, text: str | None = None) -> str:
        """What a program prints that is given `text`; a path is given as a Path, for it may see it
        elsewhere.
        """


def version_text(version: str, schema: int) -> str:
    """A version with the journal's schema, as appliance/box/bundle.py reads it."""
    return f"{version}{'.' if '+' in version else '+'}schema.{schema}"


def make(
    tools: Tools, work: Path, slot: Path, keys: Keys, version: str, rank: int, target: Path
) -> Path:
    """Make the bundle of the slot in a folder (root.squashfs, boot.vfat) in the file `target`.

    `work` is an empty folder that the tools see, `version` as `version_text` gives it, `rank` as
    in the slot's slot.env. Raises NoKeys, CommandFailed.
    """
    if not keys.key.exists() or not keys.certificate.exists():
        raise NoKeys(folder=keys.folder, name=keys.key.name)
    say(f"the update {version}")
    content, made = work / "content", work / "update.raucb"
    content.mkdir()
    manifest = _MANIFEST.format(compatible=COMPATIBLE, version=version, rank=rank)
    (content / "manifest.raucm").write_text(manifest, encoding="ascii")
    shutil.copyfile(slot / "root.squashfs", content / "root.img")
    shutil.copyfile(slot / "boot.vfat", content / "boot.img")
    shutil.copyfile(keys.certificate, work / keys.certificate.name)
    # The key is never written, so that no build that is killed leaves it in a checkout.
    tools.run(
        *("rauc", "bundle", "--cert", work / keys.certificate.name, "--key", "/dev/stdin"),
        *("--mksquashfs-args=-comp zstd", content, made),
        text=keys.key.read_text(encoding="ascii"),
    )
    shutil.move(made, target)  # noqa: TID251 - a build's own folder, nothing of the product's
    shutil.rmtree(content)
    return target
