from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from appliance.box import card
from appliance.box.card import Partition
from appliance.errors import CardTooSmall, NoCardThere, ToolFailed

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2048  # sectors
IMAGE = """label: dos
label-id: 0x4a454d42
unit: sectors
1 : start=2048, size=131072, type=c, bootable
2 : start=133120, size=196608, type=c
3 : start=329728, size=196608, type=c
4 : start=526336, size=2101248, type=f
5 : start=528384, size=1048576, type=83
6 : start=1579008, size=1048576, type=83
"""
TINY = IMAGE.replace("size=2101248", "size=2110000") + "7 : start=2629632, size=2048, type=83\n"


def image(path: Path, script: str, mib: int) -> Path:
    with path.open("wb") as file:
        file.truncate(mib << 20)
    subprocess.run(
        ["sfdisk", "--quiet", path], input=script, text=True, check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return path


@pytest.mark.parametrize("script", [IMAGE, TINY])
def test_the_data_has_what_is_left_of_the_card(tmp_path: Path, script: str) -> None:
    disk = image(tmp_path / "card", script, 4096)
    with disk.open("ab") as file:
        file.truncate(file.tell() + 12_345 * 512)  # no card is as large as it says
    before = card.read(disk)
    card.write(disk, card.grown(before, card.sectors_of(disk)))
    after = card.read(disk)
    data = after.get(card.DATA)
    assert data is not None
    assert data.end == (4096 * MIB + 12_345) // MIB * MIB
    assert data.size > 2700 * MIB
    assert data.start >= 1579008 + 1048576 + 2048
    assert after.label_id == "0x4a454d42"
    for number in (1, 2, 3, 5, 6):
        assert after.get(number) == before.get(number)
    assert "bootable" in after.script().splitlines()[4]


def test_a_card_that_is_stretched_stays_as_it_is(tmp_path: Path) -> None:
    disk = image(tmp_path / "card", IMAGE, 4096)
    once = card.grown(card.read(disk), card.sectors_of(disk))
    card.write(disk, once)
    assert card.read(disk) == once
    assert card.grown(once, card.sectors_of(disk)) == once


def test_a_disk_above_2_tib_is_used_as_far_as_its_table_reaches(tmp_path: Path) -> None:
    table = card.read(image(tmp_path / "card", IMAGE, 2048))
    data = card.grown(table, 6 << 32).get(card.DATA)
    assert data is not None
    assert data.end < 1 << 32


def test_a_card_without_room_is_refused(tmp_path: Path) -> None:
    table = card.read(image(tmp_path / "card", IMAGE, 2048))
    with pytest.raises(CardTooSmall, match="leaves 0 MiB"):
        card.grown(table, 1579008 + 1048576)
    with pytest.raises(CardTooSmall):
        card.grown(table, 2629632 + 255 * MIB)
    assert card.grown(table, 2629632 + 257 * MIB).get(card.DATA)


def test_a_disk_without_the_image_is_refused(tmp_path: Path) -> None:
    other = image(tmp_path / "card", "label: dos\n1 : start=2048, size=2048, type=83\n", 8)
    with pytest.raises(NoCardThere):
        card.grown(card.read(other), 1 << 30)
    with pytest.raises(NoCardThere):
        card.read(image(tmp_path / "gpt", "label: gpt\n", 8))
    with pytest.raises(ToolFailed):
        card.read(tmp_path / "nothing")


@pytest.mark.parametrize("write", range(1, 6))
def test_a_cut_while_the_table_is_written_is_made_good(tmp_path: Path, write: int) -> None:
    disk = image(tmp_path / "card", IMAGE, 4096)
    old = card.read(disk)
    wanted = card.grown(old, card.sectors_of(disk))
    sfdisk = ["sfdisk", "--no-reread", "--no-tell-kernel", "--wipe=never", str(disk)]
    cut = ["strace", "-o", "/dev/null", "-e", "trace=write,pwrite64", "-P", str(disk)]
    cut += ["-e", f"inject=write,pwrite64:signal=SIGKILL:when={write}"]
    subprocess.run(
        [*cut, *sfdisk], input=wanted.script().encode(), capture_output=True, check=False
    )
    left = card.read(disk)
    for number in (1, 2, 3, 5, 6):
        assert left.get(number) == old.get(number)
    again = card.grown(left, card.sectors_of(disk))
    card.write(disk, again)
    assert card.read(disk) == wanted


def test_the_disk_is_found_below_what_lies_on_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    number = root.stat().st_dev
    block = tmp_path / "sys" / "devices" / "mmcblk0" / "mmcblk0p5"
    block.mkdir(parents=True)
    (block / "partition").write_text("5\n")
    verity = tmp_path / "sys" / "devices" / "dm-0"
    (verity / "slaves").mkdir(parents=True)
    (verity / "slaves" / "mmcblk0p5").symlink_to(block)
    place = tmp_path / "sys" / "dev" / "block"
    place.mkdir(parents=True)
    (place / f"{os.major(number)}:{os.minor(number)}").symlink_to(verity)
    disk = card.disk_below(root, tmp_path / "sys")
    assert str(disk) == "/dev/mmcblk0"
    assert str(card.partition_of(disk, 7)) == "/dev/mmcblk0p7"
    with pytest.raises(NoCardThere):
        card.disk_below(root, tmp_path / "no")


def test_partitions_are_ordered_by_their_numbers() -> None:
    table = card.Table("0x1", (Partition(7, 8, 9, "83"), Partition(1, 2, 3, "c", bootable=True)))
    assert table.script().endswith(
        "\n1 : start=2, size=3, type=c, bootable\n7 : start=8, size=9, type=83\n"
    )
