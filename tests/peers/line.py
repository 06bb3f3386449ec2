"""Owns a serial cable without hardware: two pseudo terminals that socat joins."""

from __future__ import annotations

import os
import select
import subprocess
import time
import tty
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE_S = 10.0
_ON_THE_WAY_S = 0.003


class Cable:
    """A line whose `box` end the product opens; the modality is at the other."""

    def __init__(self, folder: Path) -> None:
        self.box = folder / "ttyBOX"
        self.modality = folder / "ttyMODALITY"
        self._socat: subprocess.Popen[bytes] | None = None
        self._senders: list[subprocess.Popen[bytes]] = []
        self.plug()

    def plug(self) -> None:
        ends = [f"pty,raw,echo=0,link={end}" for end in (self.modality, self.box)]
        self._socat = subprocess.Popen(["/usr/bin/socat", *ends], stderr=subprocess.DEVNULL)
        until_s = time.monotonic() + _PATIENCE_S
        while not (self.box.exists() and self.modality.exists()):
            assert time.monotonic() < until_s
            time.sleep(0.01)

    def unplug(self) -> None:
        for sender in self._senders:
            sender.kill()
            sender.wait()
        self._senders = []
        if self._socat:
            self._socat.terminate()
            self._socat.wait()
            self._socat = None
        for end in (self.box, self.modality):
            end.unlink(missing_ok=True)

    def sends(self, *command: str | Path) -> subprocess.Popen[bytes]:
        """A program of the modality's, with the line as its terminal."""
        fd = os.open(self.modality, os.O_RDWR | os.O_NOCTTY)
        try:
            sender = subprocess.Popen(
                [str(word) for word in command],
                stdin=fd,
                stdout=fd,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            os.close(fd)
        self._senders.append(sender)
        return sender


class LongCable(Cable):
    """A line on which an answer takes its time, as on every real one.

    lrzsz drops what it has not read when it sends an answer; from a program on the same machine
    that may be the next block already.
    """

    def plug(self) -> None:
        self._ends = [os.openpty() for _ in range(2)]
        for path, (_, end) in zip((self.modality, self.box), self._ends, strict=True):
            tty.setraw(end)
            path.symlink_to(os.ttyname(end))
        self._stop, self._stopper = os.pipe()
        self._relay = Thread(target=self._carry, daemon=True)
        self._relay.start()

    def unplug(self) -> None:
        if self._stopper < 0:
            return
        os.close(self._stopper)
        self._relay.join(_PATIENCE_S)
        for fd in (self._stop, *self._ends[0], *self._ends[1]):
            os.close(fd)
        self._stopper = -1
        super().unplug()

    def _carry(self) -> None:
        here, there = self._ends[0][0], self._ends[1][0]
        while self._stop not in (ready := select.select([here, there, self._stop], [], [])[0]):
            time.sleep(_ON_THE_WAY_S)
            for fd, other in ((here, there), (there, here)):
                if fd in ready:
                    os.write(other, os.read(fd, 1024))


class Modality:
    """Bytes written and read by hand at the modality's end."""

    def __init__(self, cable: Cable) -> None:
        self._fd = os.open(cable.modality, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._heard = b""
        self._voice: Thread | None = None

    def close(self) -> None:
        if self._voice:
            self._voice.join(_PATIENCE_S)
        os.close(self._fd)

    def says(self, content: bytes) -> None:
        """Begin to say it; a line takes its time."""
        if self._voice:
            self._voice.join(_PATIENCE_S)
        self._voice = Thread(target=self._say, args=(content,), daemon=True)
        self._voice.start()

    def _say(self, content: bytes) -> None:
        while content and select.select([], [self._fd], [], _PATIENCE_S)[1]:
            content = content[os.write(self._fd, content[:1024]) :]

    def hears(self) -> bytes:
        """What has come since the last look."""
        while select.select([self._fd], [], [], 0)[0]:
            self._heard += os.read(self._fd, 4096)
        heard, self._heard = self._heard, b""
        return heard
