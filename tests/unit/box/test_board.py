from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.box.board import Board, Kind, Slot, board, command_line, remember_serial

if TYPE_CHECKING:
    from pathlib import Path


def machine(root: Path, files: dict[str, str]) -> Board:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return board(root, root / "boot")


def test_a_raspberry_pi_says_who_it_is(tmp_path: Path) -> None:
    found = machine(
        tmp_path,
        {
            "proc/cmdline": "root=PARTUUID=6a656d62-05 ro rauc.slot=B jembatan.board=rpi quiet\n",
            "proc/device-tree/serial-number": "10000000DEADBEEF\0",
            "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
        },
    )
    assert found == Board("10000000deadbeef", "Raspberry Pi 4 Model B Rev 1.4", Kind.RPI, Slot.B)
    assert found.hostname == "jembatan-deadbeef"


def test_a_card_brings_no_serial_to_a_raspberry_pi(tmp_path: Path) -> None:
    files = {
        "proc/cmdline": "jembatan.board=rpi jembatan.serial=abc",
        "boot/board.txt": "serial=1234\n",
    }
    assert not machine(tmp_path, files).serial


@pytest.mark.parametrize(
    ("files", "serial"),
    [
        ({"proc/cmdline": "jembatan.board=vm jembatan.serial=ABC-1"}, "abc1"),
        ({"sys/class/dmi/id/product_serial": "VMware-42 1a 2b\n"}, "vmware421a2b"),
        (
            {
                "sys/class/dmi/id/product_serial": "Not Specified\n",
                "boot/board.txt": "serial=0123456789abcdef\n",
            },
            "0123456789abcdef",
        ),
        ({"sys/class/dmi/id/product_serial": "0\n"}, ""),
        ({"sys/class/dmi/id/product_serial": "To Be Filled By O.E.M.\n"}, ""),
        ({}, ""),
    ],
)
def test_a_virtual_machine_has_its_serial_from_its_host(
    tmp_path: Path, files: dict[str, str], serial: str
) -> None:
    found = machine(tmp_path, files)
    assert (found.kind, found.serial, found.slot) == (Kind.VM, serial, None)


def test_a_serial_that_was_made_up_is_the_same_at_the_next_start(tmp_path: Path) -> None:
    made = remember_serial(tmp_path / "boot")
    assert machine(tmp_path, {}).serial == made
    assert len(made) == 16


def test_of_a_word_said_twice_the_last_counts(tmp_path: Path) -> None:
    machine(tmp_path, {"proc/cmdline": "a=1 quiet a=2=3\n"})
    assert command_line(tmp_path) == {"a": "2=3", "quiet": ""}


def test_what_the_boot_script_says_wrongly_is_not_believed(tmp_path: Path) -> None:
    files = {
        "proc/cmdline": "rauc.slot=C jembatan.board=toaster",
        "proc/device-tree/model": "Raspberry Pi 3 Model B",
    }
    found = machine(tmp_path, files)
    assert (found.kind, found.slot) == (Kind.RPI, None)


def test_a_board_without_a_serial_has_a_name_all_the_same(tmp_path: Path) -> None:
    assert machine(tmp_path, {}).hostname == "jembatan-unknown"
