"""Owns jembatan-result.txt: what the box answers on the card to whoever wrote jembatan.txt there.

The file has one size for good and is overwritten in place: the tables of the FAT, whose damage
would keep a box from starting, are never written for it.
"""

from __future__ import annotations

import os
import sys
from itertools import chain, repeat
from typing import TYPE_CHECKING, NamedTuple

from appliance.box import bootfat
from appliance.box.network import ALWAYS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.box.state import State
    from appliance.clock import Clock

NAME = "jembatan-result.txt"
SIZE = 8192
_WRITTEN = "Written"
_NOT_YET = "This box has not been started yet. Put the card in, plug it in, and look here again.\n"
_WIDE = 14


class Claim(NamedTuple):
    """What the first visitor of the page needs."""

    code: str = ""  # "" once the box is claimed
    fingerprint: str = ""  # SHA-256 of the page's certificate


def text(state: State, claim: Claim, clock: Clock) -> str:
    """What it says: never the board's serial, which opens the data of this very card."""
    return "\n".join(_lines(state, claim, clock)) + "\n"


def publish(boot: Path, said: str) -> bool:
    """Have it say that; whether it said anything else before, the time aside."""
    path = boot / NAME
    content = padded(said)
    before = path.read_bytes() if path.exists() else b""
    if _but_time(before) == _but_time(content):
        return False
    with bootfat.writable(boot):
        if len(before) != SIZE:
            bootfat.write(boot, NAME, content)
            return True
        with path.open("r+b") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    return True


def padded(said: str) -> bytes:
    """As it stands in the file: with line ends that every editor knows, and as long as ever."""
    content = said.replace("\n", "\r\n").encode()
    if len(content) > SIZE:
        end = b"\r\n... and more: see the page Network.\r\n"
        whole = content[: SIZE - len(end)].decode(errors="ignore").encode()
        content = whole + end
    return content + b"\r\n" * ((SIZE - len(content)) // 2) + b" " * ((SIZE - len(content)) % 2)


def _lines(state: State, claim: Claim, clock: Clock) -> Iterator[str]:
    yield "JEMBATAN: the answer of this box. Your own wishes go into jembatan.txt, not in here."
    yield ""
    yield _fact("Box", state.network.hostname or "jembatan-... (all of its name is on its label)")
    for title, value in zip(_once("The page"), _pages(state), strict=False):
        yield _fact(title, value)
    if claim.fingerprint:
        yield _fact("", "The browser warns at the first visit: compare the SHA-256 fingerprint of")
        yield _fact("", f"the certificate that it shows with {claim.fingerprint}")
    for title, link in zip(_once("Sockets"), state.links, strict=False):
        has = ", ".join(link.addresses) or "no address"
        yield _fact(title, f"{link.name}: {has}{'' if link.is_plugged else ' (no cable)'}")
    if claim.code:
        yield _fact("Claim code", f"{claim.code} (for the first visit of the page)")
    unsure = "" if clock.is_sure() else ", which nothing has set yet"
    yield _fact(_WRITTEN, f"{clock.utc():%Y-%m-%d %H:%M} UTC, by the clock of the box{unsure}")
    yield ""
    yield from _of_text(state)


def _once(title: str) -> Iterator[str]:
    return chain((title,), repeat(""))


def _pages(state: State) -> Iterator[str]:
    for host in state.addresses:
        yield f"https://{host}/"
    if state.network.hostname:
        yield f"https://{state.network.hostname}.local/"
    yield f"https://{ALWAYS}/ with a laptop on the box's own cable; this works always"


def _of_text(state: State) -> Iterator[str]:
    yield from state.all_troubles
    if not state.text.digest:
        yield "jembatan.txt: none was read, so nothing but DHCP is tried."
    elif not state.text.faults:
        yield "jembatan.txt: nothing is wrong with it."
    if state.text.faults:
        yield "What is wrong; all that goes together with a wrong line was left as it was:"
        yield from (f"  {fault}" for fault in state.text.faults)
    if state.text.digest:
        yield f"Taken over: {', '.join(state.text.groups) or 'nothing'}."


def _fact(title: str, value: str) -> str:
    name = f"{title}:" if title else ""
    return f"{name:{_WIDE}}{value}"


def _but_time(content: bytes) -> list[bytes]:
    return [line for line in content.splitlines() if not line.startswith(_WRITTEN.encode())]


if __name__ == "__main__":  # for a new card: the file as it lies there before the first start
    sys.stdout.buffer.write(padded(_NOT_YET))
