from __future__ import annotations

import itertools
import json
import os
from typing import TYPE_CHECKING

import pytest
from imagebuild import card
from imagebuild.card import BOOT, BOOT_A, PARTS, ROOT_A, ROOT_B

if TYPE_CHECKING:
    from pathlib import Path

    from tests.image.conftest import MachinesTools

CONTENT = {
    "config.txt": b"arm_64bit=1\n",
    "dtb/broadcom/bcm2837-rpi-3-b.dtb": bytes(70_000),
    "Image": os.urandom(300_000),
}


@pytest.fixture
def image(tools: MachinesTools, tmp_path: Path) -> Path:
    boot, root = tmp_path / "boot.vfat", tmp_path / "root.squashfs"
    card.make_fat(tools, boot, BOOT, CONTENT)
    root.write_bytes(b"hsqs" + bytes(5 << 20) + b"end")
    made = tmp_path / "card.img"
    card.assemble(tools, made, {BOOT: boot, ROOT_A: root})
    return made


def test_sfdisk_reads_the_table_as_it_was_meant(tools: MachinesTools, image: Path) -> None:
    read = json.loads(tools.run("sfdisk", "--json", image))["partitiontable"]
    assert read["id"] == "0x4a454d42"
    found = {
        int(part["node"].removeprefix(str(image))): (part["start"] * 512, part["size"] * 512)
        for part in read["partitions"]
    }
    assert found == {part.number: (part.start, part.size) for part in PARTS}
    assert [part["type"] for part in read["partitions"]] == ["c", "c", "c", "f", "83", "83"]
    assert [part.get("bootable", False) for part in read["partitions"]].index(True) == 0


def test_nothing_overlaps_and_every_slot_is_as_large_as_the_other() -> None:
    apart = [part for part in PARTS if part.number != 4]
    for one, next_one in itertools.pairwise(apart):
        assert one.end <= next_one.start
    assert card.BOOT_A.size == card.BOOT_B.size
    assert ROOT_A.size == ROOT_B.size
    assert ROOT_B.end == card.LOGICAL.end


def at(file: Path, offset: int, size: int) -> bytes:
    with file.open("rb") as stream:
        stream.seek(offset)
        return stream.read(size)


def test_files_lie_where_they_belong(tools: MachinesTools, image: Path, tmp_path: Path) -> None:
    assert at(image, ROOT_A.start, 4) == b"hsqs"
    assert at(image, ROOT_A.start + 4 + (5 << 20), 3) == b"end"
    boot = tmp_path / "out.vfat"
    boot.write_bytes(at(image, BOOT.start, BOOT.size))
    tools.run("fsck.vfat", "-n", boot)
    assert "JEMBATAN" in tools.run("mdir", "-i", boot)
    for name, content in CONTENT.items():
        tools.run("mcopy", "-i", boot, f"::/{name}", tmp_path / "one")
        assert (tmp_path / "one").read_bytes() == content
        (tmp_path / "one").unlink()


def test_the_image_is_a_sparse_file(image: Path) -> None:
    found = image.stat()
    assert found.st_size == ROOT_B.end
    assert found.st_blocks * 512 < 16 << 20


def test_the_same_content_is_the_same_bytes(tools: MachinesTools, tmp_path: Path) -> None:
    made = []
    for folder in (tmp_path / "one", tmp_path / "other"):
        folder.mkdir()
        card.make_fat(tools, folder / "a.vfat", BOOT_A, CONTENT)
        made.append((folder / "a.vfat").read_bytes())
    assert made[0] == made[1]


def test_a_file_bears_the_moment_of_the_build(tools: MachinesTools, tmp_path: Path) -> None:
    card.make_fat(tools, tmp_path / "a.vfat", BOOT_A, {"slot.env": b"slot_rank=1\n"})
    assert "2023-11-14  22:13" in tools.run("mdir", "-i", tmp_path / "a.vfat")
