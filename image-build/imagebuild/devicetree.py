"""Owns reading a flattened device tree (Devicetree Specification 0.4, chapter 5)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagebuild.errors import NotBuilt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BEGIN, _END, _PROPERTY, _NOTHING = 1, 2, 3, 4


@dataclass(frozen=True)
class Node:
    """A device, or a folder of such."""

    name: str
    properties: Mapping[str, bytes]
    children: tuple[Node, ...]

    def texts(self, name: str) -> tuple[str, ...]:
        """A property that is a list of texts; empty where it is not there."""
        return tuple(text for text in self.properties.get(name, b"").decode().split("\0") if text)

    def cells(self, name: str) -> tuple[int, ...]:
        """A property that is a list of 32-bit numbers; empty where it is not there."""
        value = self.properties.get(name, b"")
        return struct.unpack(f">{len(value) // 4}I", value)

    @property
    def is_enabled(self) -> bool:
        """Whether the board has it."""
        return self.texts("status") in {(), ("okay",), ("ok",)}

    def chains(self) -> Iterator[tuple[Node, ...]]:
        """Every node from this one downwards, each followed by those it lies in, nearest first."""
        yield (self,)
        for child in self.children:
            for chain in child.chains():
                yield (*chain, self)


def read(blob: bytes) -> Node:
    """The root of the tree in a .dtb file. Raises NotBuilt."""
    structure, strings = struct.unpack_from(">2I", blob, 8)
    return _node(blob, structure + 4, strings)[0]


def _node(blob: bytes, at: int, strings: int) -> tuple[Node, int]:
    """The node whose name is `at`, and where it ends."""
    name = _text(blob, at)
    at = _aligned(at + len(name) + 1)
    properties: dict[str, bytes] = {}
    children: list[Node] = []
    while True:
        (token,) = struct.unpack_from(">I", blob, at)
        at += 4
        if token == _BEGIN:
            child, at = _node(blob, at, strings)
            children.append(child)
        elif token == _PROPERTY:
            length, offset = struct.unpack_from(">2I", blob, at)
            properties[_text(blob, strings + offset)] = blob[at + 8 : at + 8 + length]
            at = _aligned(at + 8 + length)
        elif token == _END:
            return Node(name, properties, tuple(children)), at
        elif token != _NOTHING:
            raise NotBuilt(why=f"a device tree cannot be read at byte {at - 4}")


def _text(blob: bytes, at: int) -> str:
    return blob[at : blob.index(b"\0", at)].decode()


def _aligned(at: int) -> int:
    return -(-at // 4) * 4
