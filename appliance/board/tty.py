"""Owns serial lines: one opened by its path for this process alone, gone when its adapter is."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import serial

from appliance.errors import SerialDenied, SerialUnplugged

if TYPE_CHECKING:
    from appliance.settings.links import SerialLink

_CHUNK = 1 << 14
_GONE = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO, errno.ENOTDIR})
_BUSY = frozenset({errno.EBUSY, errno.EAGAIN})
_WRITE_S = 10.0

# linux/serial.h, serial_icounter_struct: cts dsr rng dcd rx tx, frame overrun parity, brk,
# buf_overrun, 9 reserved. A break is no damage: devices use it to call.
_TIOCGICOUNT = 0x545D
_COUNTS = struct.Struct("24x3i4xi36x")


class Line(Protocol):
    """An open serial line."""

    def fileno(self) -> int:
        """For select()."""
        ...

    def read(self) -> bytes:
        """What has come, b"" for nothing; never waits. Raises SerialUnplugged."""
        ...

    def write(self, content: bytes) -> None:
        """Send a short answer. Raises SerialUnplugged."""
        ...

    def is_there(self) -> bool:
        """Whether the adapter is still plugged in."""
        ...

    def errors(self) -> int | None:
        """How many characters were damaged or lost since the adapter came; None: nobody counts."""
        ...

    def lend(self) -> int:
        """The descriptor, for a child that waits when it reads."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Tty:
    """A line behind a device of the kernel."""

    def __init__(self, port: serial.Serial, path: str) -> None:
        """Take over an open port."""
        self._port = port
        self._path = path
        self._fd = int(port.fileno())

    def fileno(self) -> int:
        """For select()."""
        return self._fd

    def read(self) -> bytes:
        """What has come, b"" for nothing; never waits. Raises SerialUnplugged."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        if not (events := poll.poll(0)):
            return b""
        try:
            content = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise SerialUnplugged(path=self._path) from error
        # The kernel says that there is something to read, and there is nothing: it hung up.
        if not content and events[0][1] & (select.POLLHUP | select.POLLERR | select.POLLIN):
            raise SerialUnplugged(path=self._path)
        return content

    def write(self, content: bytes) -> None:
        """Send a short answer; one that is not taken within seconds is as good as unheard."""
        try:
            while content and select.select([], [self._fd], [], _WRITE_S)[1]:
                content = content[os.write(self._fd, content) :]
        except OSError as error:
            raise SerialUnplugged(path=self._path) from error

    def is_there(self) -> bool:
        """Whether the path still leads to this very device."""
        try:
            return Path(self._path).stat().st_rdev == os.fstat(self._fd).st_rdev
        except OSError:
            return False

    def errors(self) -> int | None:
        """How many characters were damaged or lost since the adapter came; None: nobody counts."""
        try:
            return damage(fcntl.ioctl(self._fd, _TIOCGICOUNT, bytes(_COUNTS.size)))
        except OSError:  # a pseudo terminal, or an adapter whose driver cannot say
            return None

    def lend(self) -> int:
        """The descriptor, for a child that waits when it reads."""
        os.set_blocking(self._fd, True)
        return self._fd

    def close(self) -> None:
        """Let go of it."""
        with suppress(OSError):  # it is gone already
            self._port.close()


def damage(counts: bytes) -> int:
    """Characters damaged or lost, in what the kernel says of a line."""
    return sum(map(int, _COUNTS.unpack(counts)))


def open_line(link: SerialLink) -> Line:
    """Open the line of a source. Raises SerialUnplugged and SerialDenied."""
    bits, parity, stop = tuple(link.framing)
    try:
        port = serial.Serial(
            link.path,
            link.baud,
            bytesize=int(bits),
            parity=parity,
            stopbits=int(stop),
            rtscts=link.handshake == "rtscts",
            xonxoff=link.handshake == "xonxoff",
            timeout=0,
            exclusive=True,
        )
    except (serial.SerialException, OSError, ValueError) as error:
        raise _trouble(link.path, error) from error
    return Tty(port, link.path)


def _trouble(path: str, error: Exception) -> SerialUnplugged | SerialDenied:
    number = getattr(error, "errno", None)
    if number in _GONE:
        return SerialUnplugged(path=path)
    if number in _BUSY:
        return SerialDenied(path=path, why="another program is using it")
    words = os.strerror(number) if isinstance(number, int) else str(error)
    return SerialDenied(path=path, why=words)
