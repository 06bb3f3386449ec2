"""Media made and unpacked by other people's tools: names as each file system keeps them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.sources.media.dicomdir import is_dicomdir, missing
from appliance.sources.media.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLES = Path("tests/data/dicom")


def run(*command: object, cwd: Path | None = None) -> bytes:
    environment = {**os.environ, "PATH": f"/usr/sbin:/usr/bin:{os.environ['PATH']}"}
    words = list(map(str, command))
    return subprocess.run(words, cwd=cwd, env=environment, check=True, capture_output=True).stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two images in folders, with the DICOMDIR that DCMTK makes of them."""
    root = tmp_path / "tree"
    for name, sample in (("PAT1/IM000001", "SC_rgb.dcm"), ("PAT2/IM000001", "mlut_18.dcm")):
        (root / name).parent.mkdir(parents=True)
        shutil.copy(SAMPLES / sample, root / name)
    run("dcmmkdir", "+r", "+id", root, "+D", root / "DICOMDIR", "-W")
    return root


def as_it_is(tree: Path, _: Path) -> Path:
    return tree


def on_a_cd(tree: Path, tmp_path: Path) -> Path:
    """ISO 9660, level 1, as the bytes on the disc have it: capitals, a dot and `;1`."""
    image, root = tmp_path / "cd.iso", tmp_path / "cd"
    run("genisoimage", "-quiet", "-iso-level", "1", "-o", image, tree)
    for line in run("isoinfo", "-i", image, "-f").decode().splitlines():
        if line.rsplit("/", 1)[-1].endswith(";1"):
            file = root / line.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(run("isoinfo", "-i", image, "-x", line))
    return root


def on_fat(tree: Path, tmp_path: Path) -> Path:
    """FAT with short names only, which Linux (and mtools) show in small letters."""
    image, root = tmp_path / "fat.img", tmp_path / "fat"
    root.mkdir()
    with image.open("wb") as file:
        file.truncate(32 << 20)
    run("mkfs.vfat", "-F", "16", image)
    run("mcopy", "-s", "-i", image, *tree.iterdir(), "::/")
    run("mcopy", "-s", "-n", "-i", image, "::/*", root)
    for path in sorted(root.rglob("*"), reverse=True):
        path.rename(path.with_name(path.name.lower()))
    return root


MEDIA = [as_it_is, on_a_cd, on_fat]


@pytest.mark.parametrize("medium", MEDIA)
def test_everything_a_dicomdir_names_is_found(
    tree: Path, tmp_path: Path, medium: Callable[[Path, Path], Path]
) -> None:
    root = medium(tree, tmp_path)
    (listing,) = [path for path in Volume(root).files() if is_dicomdir(path.name)]
    assert missing(listing).number == 0


@pytest.mark.parametrize("medium", MEDIA)
def test_what_it_names_and_is_gone_is_missed(
    tree: Path, tmp_path: Path, medium: Callable[[Path, Path], Path]
) -> None:
    shutil.rmtree(tree / "PAT2")
    root = medium(tree, tmp_path)
    (listing,) = [path for path in Volume(root).files() if is_dicomdir(path.name)]
    assert missing(listing) == (1, "PAT2/IM000001")
