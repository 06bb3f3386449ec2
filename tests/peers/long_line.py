"""Owns a long line: two network namespaces with nothing between them but 40 ms and 10 Mbit/s.

    with long_line() as line:
        ...  # here: line.command("storescp", ...), far away: line.far_command(...)

Each namespace has a TUN device; this program carries the packets from one to the other, each when
its time has come. What does not fit into the buffer before the line is dropped, as a modem does.
Needs root, for namespaces and TUN.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import sys
import time
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.peers.orthanc import bound_to_us, stop

if TYPE_CHECKING:
    from collections.abc import Iterator

BITS_S = 10_000_000
ROUND_TRIP_S = 0.040
_BUFFER_BYTES = 128 << 10  # a tenth of a second, two and a half times what is on its way
_PACKET_BYTES = 1500
_TUNSETIFF = 0x400454CA
_TUN_WITHOUT_HEADER = 0x1001  # IFF_TUN | IFF_NO_PI


@dataclass(frozen=True)
class LongLine:
    """One that is laid; `far_host` is how the far end is called from the near one."""

    near: str
    far: str
    far_host: str = "10.77.0.2"

    def near_command(self, *command: str) -> list[str]:
        """A command at this end."""
        return ["ip", "netns", "exec", self.near, *command]

    def far_command(self, *command: str) -> list[str]:
        """A command at the other end."""
        return ["ip", "netns", "exec", self.far, *command]


@contextmanager
def long_line() -> Iterator[LongLine]:
    """Lay one until the end of the block."""
    line = LongLine(f"near-{os.getpid()}", f"far-{os.getpid()}")
    with ExitStack() as stack:
        near = stack.enter_context(_end(line.near, "tun-near", "10.77.0.1"))
        far = stack.enter_context(_end(line.far, "tun-far", line.far_host))
        carrier = subprocess.Popen(
            bound_to_us(sys.executable, "-m", "tests.peers.long_line", str(near), str(far)),
            pass_fds=(near, far),
        )
        stack.callback(stop, carrier)
        yield line


@contextmanager
def _end(namespace: str, device: str, address: str) -> Iterator[int]:
    """A namespace with a TUN device, whose packets the descriptor gives and takes."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", device.encode(), _TUN_WITHOUT_HEADER))
    _ip("netns", "add", namespace)
    try:
        _ip("link", "set", device, "netns", namespace)
        for words in (
            ("addr", "add", f"{address}/24", "dev", device),
            ("link", "set", device, "up", "mtu", str(_PACKET_BYTES)),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", namespace, *words)
        yield fd
    finally:
        os.close(fd)
        _ip("netns", "del", namespace)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@dataclass
class _Way:
    """One direction: a packet takes its turn on the line, and then half a round trip."""

    come_from: int
    go_to: int
    _on_it: deque[tuple[float, bytes]] = field(default_factory=deque)
    _free_at_s: float = 0.0

    def take(self, now_s: float) -> None:
        packet = os.read(self.come_from, _PACKET_BYTES)
        begin_s = max(self._free_at_s, now_s)
        if (begin_s - now_s) * BITS_S / 8 > _BUFFER_BYTES:
            return
        self._free_at_s = begin_s + len(packet) * 8 / BITS_S
        self._on_it.append((self._free_at_s + ROUND_TRIP_S / 2, packet))

    def deliver(self, now_s: float) -> None:
        while self._on_it and self._on_it[0][0] <= now_s:
            os.write(self.go_to, self._on_it.popleft()[1])

    def rest_s(self, now_s: float) -> float:
        return max(0.0, self._on_it[0][0] - now_s) if self._on_it else 1.0


def carry(near: int, far: int) -> None:
    """Carry packets both ways for ever."""
    ways = {near: _Way(near, far), far: _Way(far, near)}
    while True:
        rest_s = min(way.rest_s(time.monotonic()) for way in ways.values())
        # Not poll(): its milliseconds are longer than a packet is on the line.
        ready, _, _ = select.select(list(ways), [], [], rest_s)
        now_s = time.monotonic()
        for fd in ready:
            ways[fd].take(now_s)
        for way in ways.values():
            way.deliver(now_s)


if __name__ == "__main__":
    carry(int(sys.argv[1]), int(sys.argv[2]))
