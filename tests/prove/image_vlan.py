"""Owns a computer's socket in a VLAN (IEEE 802.1Q) where its kernel knows none: frames of a
network device that bear the tag come out of a tap device without it, and those of the tap go in
with it.

Started as `image_vlan.py DEVICE TAP NUMBER`, it says "ready" and goes on until it is ended.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import sys

_TUNSETIFF = 0x400454CA
_TAP, _NO_HEAD = 0x0002, 0x1000
_ALL, _TAGGED = 0x0003, 0x8100
_SOL_PACKET, _AUXDATA, _HAS_TAG = 263, 8, 1 << 4
_ADDRESSES = 12
"""Where the tag stands in a frame."""
_FRAME = 65536
_NUMBER = 0x0FFF


def main() -> None:
    """Carry frames."""
    device, name, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TAP | _NO_HEAD))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL)) as wire:
        wire.setsockopt(_SOL_PACKET, _AUXDATA, 1)
        wire.bind((device, _ALL))
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([wire.fileno(), tap], [], [])
            if tap in ready:
                frame = os.read(tap, _FRAME)
                tag = struct.pack(">HH", _TAGGED, number)
                wire.send(frame[:_ADDRESSES] + tag + frame[_ADDRESSES:])
            if wire.fileno() in ready and (came := _untagged(wire, number)):
                os.write(tap, came)


def _untagged(wire: socket.socket, number: int) -> bytes:
    """The next frame, if it came by the wire in that VLAN. The kernel takes the tag out by itself,
    and tells it beside the frame (packet(7), tpacket_auxdata).
    """
    frame, beside, _, where = wire.recvmsg(_FRAME, socket.CMSG_SPACE(20))
    if where[2] == socket.PACKET_OUTGOING:
        return b""
    for level, kind, data in beside:
        if (level, kind) == (_SOL_PACKET, _AUXDATA):
            status, *_, tag = struct.unpack_from("IIIHHH", data)
            return frame if status & _HAS_TAG and tag & _NUMBER == number else b""
    return b""


if __name__ == "__main__":
    main()
