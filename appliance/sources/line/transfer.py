"""Owns receiving files by XMODEM, YMODEM and ZMODEM: lrzsz on the line, its files accepted.

The program is watched from outside: its files are taken as soon as it has closed them and they
are whole, its end does not matter. By itself it follows absolute names, whatever its manual says
of a restricted mode: it is confined to the staging folder.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import signal
import struct
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from appliance.board.confine import CANNOT_CONFINE, confined, surroundings
from appliance.errors import (
    FrameTooLong,
    Quarantined,
    SerialDenied,
    SerialUnplugged,
    TransferFailed,
)
from appliance.intake import complete
from appliance.intake.accept import shown_name
from appliance.settings.links import Protocol
from appliance.sources.line.staging import Piece, proves_its_end, sent_name
from appliance.sources.patience import being_written

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.board.tty import Line
    from appliance.clock import Clock
    from appliance.errors import Ignored, Notice
    from appliance.settings.links import SerialLink
    from appliance.sources.line.staging import Staging

_log = logging.getLogger(__name__)

_PROGRAMS = {
    # Binary, asking anew after 3 s; another file of the same name gets a number; names as they are
    # written; with CRC where an XMODEM sender can.
    Protocol.ZMODEM: ("/usr/bin/rz", "-b", "-v", "-t", "30", "-E", "-u"),
    Protocol.YMODEM: ("/usr/bin/rb", "-b", "-v", "-t", "30", "-E", "-u"),
    Protocol.XMODEM: ("/usr/bin/rx", "-b", "-v", "-t", "30", "-c"),
}
_CANCEL = b"\x18" * 8 + b"\b" * 8  # as lrzsz itself says it
_ANSWER_S, _LONGEST_ANSWER = 1.0, 64
_LAST_BLOCK = 1024
_LOOK_S = 0.5
_REST_LOOK_S = 2.0
_END_IDLES = 4
_STALL_IDLES, _SHORTEST_STALL_S = 12, 30.0
_RESPAWN_S = 1.0
_MOST_WORDS = 1 << 12
_FS_IOC_GETFLAGS, _FS_IOC_SETFLAGS = 0x80086601, 0x40086602
_SYNC_FLAGS = 0x8 | 0x10000  # FS_SYNC_FL, FS_DIRSYNC_FL
_RECEIVING = "Receiving: "
_REFUSED = re.compile("cannot open|security violation", re.IGNORECASE)


class Transfer:
    """One open line; belongs to one thread."""

    def __init__(self, link: SerialLink, staging: Staging, clock: Clock) -> None:
        """Nothing runs yet."""
        self._link = link
        self._staging = staging
        self._clock = clock
        self._child: subprocess.Popen[bytes] | None = None
        self._said = b""
        self._pid_fd = -1
        self._begun_s = 0.0
        self._sizes: dict[Path, int] = {}
        self._moved_s = clock.monotonic()
        self._taken = self._taken_by_child = 0
        self._is_broken_off = any(staging.leftovers())
        self._start_at_s = 0.0
        self.notice: Notice | None = None
        _write_through(staging.folder)

    @property
    def is_busy(self) -> bool:
        """Whether a file is coming."""
        return bool(self._sizes)

    def fileno(self) -> int | None:
        """Readable when the program has ended."""
        return self._pid_fd if self._child else None

    def turn(self, line: Line) -> tuple[int, float | None]:
        """Take what is whole, keep the program running; how many, and when to look again.

        Raises SerialUnplugged, SerialDenied, DiskFull.
        """
        self._taken = 0
        if not line.is_there():
            raise SerialUnplugged(path=self._link.path)
        if self._child is None:
            self._staging.must_have_room()
            if self._is_broken_off:
                self._break_off(line)
            if (wait_s := self._start_at_s - self._clock.monotonic()) > 0:
                return self._taken, wait_s
            if self._start_at_s:
                self._drop_answer(line)
            self._start(line)
        elif self._child.poll() is not None:
            return self._taken_by_end(self._child.returncode), self._pause_s()
        else:
            self._listen()
            self._take_closed()
            self._watch_over()
            self._staging.must_have_room()  # a sender without end must not fill the card
        return self._taken, _LOOK_S if self._sizes else _REST_LOOK_S

    def stop(self, line: Line) -> None:
        """End the program; a sender that is at it is told so, where it still hears."""
        if self._child:
            self._child.kill()
            self._child.wait()
        if any(self._staging.leftovers()):
            with suppress(SerialUnplugged):
                line.write(_CANCEL)

    def hang_up(self) -> int:
        """After `stop`, what is left of its files is judged by itself. Raises DiskFull."""
        self._taken = 0
        if self._child:
            self._forget()
            self._take_rest(ended=False, code=0)
        return self._taken

    # The program

    def _break_off(self, line: Line) -> None:
        """To a ZMODEM sender that is still at it, a new beginning means "I have your file"."""
        line.write(_CANCEL)
        self._is_broken_off = False
        self._start_at_s = self._clock.monotonic() + _ANSWER_S

    def _drop_answer(self, line: Line) -> None:
        """A sender that gives up says so; the next program would take it for its own end."""
        self._start_at_s = 0.0
        for _ in range(_LONGEST_ANSWER):
            if not line.read():
                return

    def _start(self, line: Line) -> None:
        program = list(_PROGRAMS[self._link.protocol])
        if self._link.protocol is Protocol.XMODEM:
            program.append(self._staging.any_name())
        command = confined(self._staging.folder, self._link.max_kib << 10, program)
        fd = line.lend()
        self._child = subprocess.Popen(
            command,
            stdin=fd,
            stdout=fd,
            stderr=subprocess.PIPE,
            cwd=self._staging.folder,
            env=surroundings(),
        )
        self._pid_fd, self._said = os.pidfd_open(self._child.pid), b""
        self._begun_s = self._moved_s = self._clock.monotonic()
        self._sizes, self._taken_by_child = {}, 0

    def _listen(self) -> None:
        """Keep the last of what the program says; it must not wait for us to hear it."""
        if self._child and self._child.stderr:
            os.set_blocking(self._child.stderr.fileno(), False)
            while more := self._child.stderr.read(_MOST_WORDS):
                self._said = (self._said + more)[-_MOST_WORDS:]

    def _forget(self) -> None:
        if self._child and self._child.stderr:
            self._child.stderr.close()
        self._child = None
        self._sizes = {}
        if self._pid_fd >= 0:
            os.close(self._pid_fd)
            self._pid_fd = -1

    def _words(self) -> list[str]:
        self._listen()
        lines = self._said.decode("latin-1").replace("\r", "\n").split("\n")
        return [line.strip() for line in lines if line.strip()]

    # Its files

    def _files(self) -> list[Path]:
        return [path for path in self._staging.leftovers() if not path.is_symlink()]

    def _take_closed(self) -> None:
        """Files that it has done with, of kinds that say themselves that they are whole."""
        now = self._clock.monotonic()
        sizes = {path: path.stat().st_size for path in self._files()}
        if sizes != self._sizes:
            self._sizes, self._moved_s = sizes, now
        if self._link.protocol is Protocol.XMODEM:
            return  # one file, and then it ends
        for path in list(sizes):
            if not being_written(path) and proves_its_end(path):
                self._take(path, None)
                del self._sizes[path]

    def _watch_over(self) -> None:
        """End it where the other side has gone silent: after its files, or within one.

        Without a word: a sender that is still there shall not hear that something went wrong.
        """
        still_s = self._clock.monotonic() - self._moved_s
        closed = not any(map(being_written, self._sizes))
        stall_s = max(self._link.idle_s * _STALL_IDLES, _SHORTEST_STALL_S)
        patience_s = self._link.idle_s * _END_IDLES if closed else stall_s
        if (self._taken_by_child or self._sizes) and still_s > patience_s and self._child:
            self._child.kill()
            self._child.wait()
            self._take_rest(ended=closed, code=0)
            self._forget()

    def _taken_by_end(self, code: int) -> int:
        words = self._words()
        if code == CANNOT_CONFINE:
            self._forget()
            raise SerialDenied(path=self._link.path, why=" ".join(words[-1:]).rstrip("."))
        parts = self._take_rest(ended=code == 0, code=code)
        self._is_broken_off = code < 0  # a program that ends by itself tells the sender
        if self._taken_by_child and code == 0:
            self.notice = None
        if why := _refusal(words) or ("it stopped before its end" if parts and code else ""):
            self.notice = TransferFailed(path=self._link.path, why=why)
        self._forget()
        return self._taken

    def _pause_s(self) -> float:
        """A program that ends at once would be started without end."""
        lived_s = self._clock.monotonic() - self._begun_s
        return 0 if self._taken or lived_s > _RESPAWN_S else _RESPAWN_S

    def _take_rest(self, *, ended: bool, code: int) -> bool:
        """All that is left of a session; whether a part of something was among it."""
        parts = False
        for path in self._files():
            if path.stat().st_size == 0:
                path.unlink()
                continue
            problem = self._problem(path, ended=ended, code=code)
            parts = parts or isinstance(problem, Quarantined)
            self._take(path, problem)
        return parts

    def _problem(self, path: Path, *, ended: bool, code: int) -> Quarantined | Ignored | None:
        name = self._name(path)
        if code == -signal.SIGXFSZ and path.stat().st_size >= self._link.max_kib << 10:
            return FrameTooLong(name=name, most_kib=self._link.max_kib)
        if self._link.protocol is Protocol.XMODEM:
            trim(path)
        return self._staging.judged(Piece(path, name), ended=ended)

    def _name(self, path: Path) -> str:
        if self._link.protocol is Protocol.XMODEM:
            return self._staging.name_for(path)
        return sent_name(path)

    def _take(self, path: Path, problem: Quarantined | Ignored | None) -> None:
        self._staging.take(Piece(path, self._name(path)), problem)
        self._taken += 1
        self._taken_by_child += 1
        self._moved_s = self._clock.monotonic()


def _refusal(words: list[str]) -> str:
    """That the program did not want, or was not able, to write a file under its name."""
    name = ""
    for line in words:
        if line.startswith(_RECEIVING):
            name = shown_name(line.removeprefix(_RECEIVING))
        elif _REFUSED.search(line):
            return f'a file cannot be called "{name}"; it was not taken'
    return ""


def trim(path: Path) -> None:
    """Cut off what filled an XMODEM file's last block, where its own format says its end.

    The filling bytes say nothing: an image may end with them.
    """
    end, size = complete.length(path), path.stat().st_size
    if end is not None and 0 < size - end < _LAST_BLOCK:
        os.truncate(path, end)


def _write_through(folder: Path) -> None:
    """Have the kernel write what is put into `folder` at once: a sender is told that its file has
    arrived before the file can be accepted. Not every file system can.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            flags = struct.unpack("=l", fcntl.ioctl(fd, _FS_IOC_GETFLAGS, bytes(4)))[0]
            fcntl.ioctl(fd, _FS_IOC_SETFLAGS, struct.pack("=l", flags | _SYNC_FLAGS))
    finally:
        os.close(fd)
