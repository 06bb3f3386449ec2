"""Owns the initial RAM disk: an archive of one program, one script and a few modules."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_FOLDERS = ("bin", "dev", "lib", "proc", "root", "run", "sys", "tmp")


def pack(init: str, busybox: bytes, modules: Iterable[tuple[str, bytes]]) -> bytes:
    """A cpio archive in the kernel's "newc" form, the same bytes for the same content.

    `modules`: names and contents in the order of loading; the script finds their names in
    lib/order.
    """
    modules = tuple(modules)
    order = "".join(f"{name}\n" for name, _ in modules)
    entries = [_entry(number, name, stat.S_IFDIR) for number, name in enumerate(_FOLDERS, 1)]
    files = [
        ("init", init.encode()),
        ("bin/busybox", busybox),
        ("lib/order", order.encode()),
        *((f"lib/{name}", content) for name, content in modules),
    ]
    entries += [
        _entry(number, name, stat.S_IFREG, content)
        for number, (name, content) in enumerate(files, len(entries) + 1)
    ]
    return b"".join((*entries, _entry(0, "TRAILER!!!", 0)))


def _entry(number: int, name: str, mode: int, content: bytes = b"") -> bytes:
    # magic, inode, mode, owner, group, links, time, size, devices, length of the name, checksum
    fields = (number, mode | 0o755, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(head + name.encode() + b"\0") + _padded(content)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)
