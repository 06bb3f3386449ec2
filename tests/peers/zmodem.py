"""Owns a ZMODEM sender that calls its one file whatever it likes; run as a program."""

from __future__ import annotations

import binascii
import os
import select
import struct
import sys
import time

_ZRQINIT, _ZRINIT, _ZFILE, _ZSKIP, _ZFIN, _ZRPOS, _ZDATA, _ZEOF = 0, 1, 4, 5, 8, 9, 10, 11
_ZCRCE, _ZCRCW = b"h", b"k"
_DLE = 0x18
_CANCELLED = b"\x18" * 5
_ESCAPED = {0x18, 0x10, 0x11, 0x13, 0x90, 0x91, 0x93, 0x0D, 0x8D}
_CONTENT = b"\xfe no kind of file \xff" * 10


class Sender:
    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)

    def hears(self, kind: int, within_s: float, instead: int = -1) -> bool:
        """Whether it was answered so; it does not wait on where it heard something `instead`."""
        heard, until_s = b"", time.monotonic() + within_s
        while b"B%02x" % kind not in heard:
            if instead >= 0 and (b"B%02x" % instead in heard or _CANCELLED in heard):
                return False
            if time.monotonic() > until_s:
                return False
            if select.select([self.fd], [], [], 0.1)[0]:
                heard += os.read(self.fd, 1024)
        return True

    def says_hex(self, kind: int, number: int = 0) -> None:
        header = _header(kind, number)
        os.write(self.fd, b"**\x18B" + (header + _crc(header)).hex().encode() + b"\r\n\x11")

    def says(self, kind: int, number: int = 0) -> None:
        header = _header(kind, number)
        os.write(self.fd, b"*\x18A" + _escaped(header + _crc(header)))

    def says_data(self, content: bytes, end: bytes) -> None:
        os.write(self.fd, _escaped(content) + b"\x18" + end + _escaped(_crc(content + end)))


def _header(kind: int, number: int) -> bytes:
    return bytes([kind]) + struct.pack("<L", number)


def _crc(content: bytes) -> bytes:
    return struct.pack(">H", binascii.crc_hqx(content, 0))


def _escaped(content: bytes) -> bytes:
    return b"".join(
        bytes([_DLE, each ^ 0x40]) if each in _ESCAPED else bytes([each]) for each in content
    )


def main(path: str, name: str, manners: str = "") -> None:
    sender = Sender(path)
    sender.says_hex(_ZRQINIT)
    sender.hears(_ZRINIT, 5)
    sender.says(_ZFILE)
    size = len(_CONTENT)
    sender.says_data(name.encode() + b"\0%d 0 0 0 1 %d\0" % (size, size), _ZCRCW)
    if sender.hears(_ZRPOS, 2, instead=_ZSKIP):
        sender.says(_ZDATA)
        sender.says_data(_CONTENT, _ZCRCE)
        sender.says(_ZEOF, size)
        sender.hears(_ZRINIT, 2)
    if manners == "silent":
        return
    sender.says_hex(_ZFIN)
    sender.hears(_ZFIN, 1)
    os.write(sender.fd, b"OO")


if __name__ == "__main__":
    main(*sys.argv[1:])
