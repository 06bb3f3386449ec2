"""Which slot U-Boot starts: the real script in the real U-Boot; its kernels only start anew.

A card of small FAT file systems lies behind an emulated virt machine; what U-Boot writes on its
console is what it decided.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.box.bootenv import SIZE, compose, parse
from tests.builders.boot_card import BootCard, kernel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

U_BOOT = Path("/usr/lib/u-boot/qemu_arm64/u-boot.bin")
STARTS = re.compile(r"Slot ([AB]), attempts left after this one: (\d)")

pytestmark = [pytest.mark.timeout(90)]


STARTS_ANEW = kernel(0x52800120, 0x72B08000, 0xD4000002, 0x14000000)
"""PSCI's SYSTEM_RESET (0x84000009) by the hypervisor's call."""


class Card(BootCard):
    """One in an emulated virt machine."""

    def lines(self) -> Iterator[str]:
        """What U-Boot says, start after start, until nobody listens."""
        command = ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-m", "512"]
        command += ["-bios", str(U_BOOT), "-nographic", "-nic", "none", "-no-user-config"]
        command += ["-drive", f"file={self.file},format=raw,if=virtio"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as qemu:
            try:
                for line in qemu.stdout or ():
                    yield line.decode(errors="replace")
            finally:
                qemu.kill()

    def starts(self, count: int) -> list[str]:
        """The first so many starts: slot and attempts left."""
        found: list[str] = []
        for line in self.lines():
            if match := STARTS.search(line):
                found.append(f"{match[1]}{match[2]}")
            if "Starting kernel" in line and len(found) == count:
                break
        return found


def env(said: Mapping[str, str]) -> bytes:
    return compose(said)


@pytest.fixture
def card(tmp_path: Path) -> Card:
    card = Card(tmp_path)
    card.slot(2, 401795269060, STARTS_ANEW)
    card.slot(3, 401795269061, STARTS_ANEW)
    return card


def test_every_slot_has_its_attempts_and_then_all_begins_anew(card: Card) -> None:
    card.put(1, "slots.env", env({"BOOT_ORDER": "A B", "BOOT_A_LEFT": "1", "BOOT_B_LEFT": "1"}))
    assert card.starts(3) == ["A0", "B0", "A2"]
    now = parse(card.get(1, "slots.env"))
    assert now is not None
    assert ("".join(now.order), now.left) == ("AB", {"A": 2, "B": 3})
    before = parse(card.get(1, "slots.bak"))
    assert before is not None
    assert before.left == {"A": 0, "B": 0}


def test_what_was_marked_bad_comes_last_when_all_begins_anew(card: Card) -> None:
    card.put(1, "slots.env", env({"BOOT_ORDER": "A", "BOOT_A_LEFT": "1", "BOOT_B_LEFT": "0"}))
    assert card.starts(5) == ["A0", "A2", "A1", "A0", "B2"]


def test_a_torn_memory_counts_by_its_copy(card: Card) -> None:
    torn = env({"BOOT_ORDER": "B A", "BOOT_A_LEFT": "9", "BOOT_B_LEFT": "9"})
    card.put(1, "slots.env", torn[:8000] + bytes(len(torn) - 8001) + b"x")
    card.put(1, "slots.bak", env({"BOOT_ORDER": "A", "BOOT_A_LEFT": "9", "BOOT_B_LEFT": "0"}))
    assert card.starts(2) == ["A8", "A7"]


def test_without_any_memory_the_newer_schema_comes_first_and_what_is_broken_is_passed_over(
    card: Card,
) -> None:
    card.put(1, "slots.env", b"short")
    card.put(1, "slots.bak", env({"BOOT_A_LEFT": "9"}))  # that and no order is no memory
    card.put(3, "slot.env", b"slot_rank=501795269060\n")
    card.put(3, "initrd", b"")
    card.put(3, "Image", b"no kernel")
    assert card.starts(2) == ["B2", "A2"]


def test_a_new_cards_memory_is_written_in_place(card: Card) -> None:
    for name in ("slots.env", "slots.bak"):
        card.put(1, name, bytes(SIZE))
    assert card.starts(3) == ["B2", "B1", "B0"]
    now, before = (parse(card.get(1, name)) for name in ("slots.env", "slots.bak"))
    assert now is not None
    assert before is not None
    assert (now.left, before.left) == ({"A": 3, "B": 0}, {"A": 3, "B": 1})
    assert not card.faults(1)
