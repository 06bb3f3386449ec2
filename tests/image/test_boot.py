"""Which slot U-Boot starts: the real script in the real U-Boot; its kernels only start anew.

A card of small FAT file systems lies behind an emulated virt machine; what U-Boot writes on its
console is what it decided.
"""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.box.bootenv import SIZE, compose, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SCRIPT = Path("image-build/boot/boot.cmd")
U_BOOT = Path("/usr/lib/u-boot/qemu_arm64/u-boot.bin")
MB = 1 << 20
STARTS = re.compile(r"Slot ([AB]), attempts left after this one: (\d)")

pytestmark = [pytest.mark.timeout(90)]


def kernel() -> bytes:
    """An arm64 Image (Linux's Documentation/arch/arm64/booting.rst) that starts the machine anew.

    PSCI's SYSTEM_RESET (0x84000009) by the hypervisor's call.
    """
    code = struct.pack("<4I", 0x52800120, 0x72B08000, 0xD4000002, 0x14000000)
    head = struct.pack("<2I3Q3Q", 0x14000010, 0, 0, 4096, 0xA, 0, 0, 0) + b"ARM\x64" + bytes(4)
    return (head + code).ljust(4096, b"\0")


class Card:
    """A card as the image lays it out, but small."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.file = folder / "card.img"
        self._offsets = {1: 1 * MB, 2: 37 * MB, 3: 39 * MB}
        self._sizes = {1: 36 * MB, 2: 2 * MB, 3: 2 * MB}
        table = "label: dos\nlabel-id: 0x4a454d42\nunit: sectors\n"
        table += "".join(
            f"start={start * 2048}, size={size * 2048}, type={kind}{flag}\n"
            for start, size, kind, flag in (
                (1, 36, "c", ", bootable"), (37, 2, "c", ""), (39, 2, "c", ""),
                (41, 5, "f", ""), (42, 1, "83", ""), (44, 1, "83", ""),
            )
        )  # fmt: skip
        with self.file.open("wb") as file:
            file.truncate(50 * MB)
        run("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", self.file, text=table)
        for number in self._offsets:
            fat = folder / "fat"
            fat.unlink(missing_ok=True)
            kind = ("-F", "32", "-s", "1") if number == 1 else ()
            run("mkfs.vfat", *kind, "-C", fat, str(self._sizes[number] >> 10))
            with self.file.open("r+b") as file:
                file.seek(self._offsets[number])
                file.write(fat.read_bytes())
        made = folder / "boot.scr"
        run("mkimage", "-A", "arm64", "-T", "script", "-C", "none", "-d", SCRIPT, made)
        self.put(1, "boot.scr", made.read_bytes())
        self.put(1, "boot.env", b"jembatan_board=vm\njembatan_args=console=ttyAMA0\n")

    def put(self, part: int, name: str, content: bytes) -> None:
        source = self._folder / "content"
        source.write_bytes(content)
        run("mcopy", "-o", "-i", self._at(part), source, f"::{name}")

    def slot(self, part: int, rank: int) -> None:
        self.put(part, "Image", kernel())
        self.put(part, "initrd", b"initrd")
        self.put(part, "slot.env", f"slot_rank={rank}\nslot_args=quiet\n".encode())

    def get(self, part: int, name: str) -> bytes:
        target = self._folder / "got"
        target.unlink(missing_ok=True)
        run("mcopy", "-n", "-i", self._at(part), f"::{name}", target)
        return target.read_bytes()

    def faults(self, part: int) -> str:
        """What fsck says against a file system; "" where it is in order."""
        target = self._folder / "checked"
        with self.file.open("rb") as file:
            file.seek(self._offsets[part])
            target.write_bytes(file.read(self._sizes[part]))
        found = subprocess.run(
            ["fsck.vfat", "-n", str(target)], capture_output=True, text=True, check=False
        )
        return found.stdout if found.returncode else ""

    def _at(self, part: int) -> str:
        return f"{self.file}@@{self._offsets[part]}"

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


def run(*words: str | Path, text: str | None = None) -> None:
    subprocess.run(
        [str(word) for word in words], input=text, text=True, check=True, capture_output=True
    )


def env(said: Mapping[str, str]) -> bytes:
    return compose(said)


@pytest.fixture
def card(tmp_path: Path) -> Card:
    card = Card(tmp_path)
    card.slot(2, rank=401795269060)
    card.slot(3, rank=401795269061)
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
