"""Owns a card as the image lays it out, but small: what U-Boot reads, and what it writes."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

SCRIPT = Path("image-build/boot/boot.cmd")
MB = 1 << 20


class BootCard:
    """Three FAT file systems, the first with the real script, and two slots that hold nothing."""

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
            file.truncate(64 * MB)  # a size that SD cards have
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
        """A file, whatever had that name."""
        source = self._folder / "content"
        source.write_bytes(content)
        run("mcopy", "-o", "-i", self._at(part), source, f"::{name}")

    def slot(self, part: int, rank: int, kernel: bytes) -> None:
        """What one slot holds."""
        self.put(part, "Image", kernel)
        self.put(part, "initrd", b"initrd")
        self.put(part, "slot.env", f"slot_rank={rank}\nslot_args=quiet\n".encode())

    def get(self, part: int, name: str) -> bytes:
        """What is in a file."""
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


def kernel(*code: int) -> bytes:
    """An arm64 Image (Linux's Documentation/arch/arm64/booting.rst) of these instructions."""
    head = struct.pack("<2I3Q3Q", 0x14000010, 0, 0, 4096, 0xA, 0, 0, 0) + b"ARM\x64" + bytes(4)
    return (head + struct.pack(f"<{len(code)}I", *code)).ljust(4096, b"\0")


def run(*words: str | Path, text: str | None = None) -> None:
    """A program of this machine, which must succeed."""
    subprocess.run(
        [str(word) for word in words], input=text, text=True, check=True, capture_output=True
    )
