"""Owns the modalities of the proofs that do more than drop files: they call, and are answered.

Each sends a film until it was told that the film is safe, and never after that: one that is lost
then stays lost. What it was told is what its own program says, DCMTK's and lrzsz's.
"""

from __future__ import annotations

import re
import subprocess
from itertools import cycle
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from tests.peers.line import LongCable
from tests.peers.orthanc import bound_to_us, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.prove.films import Film

CALLING = "CR1"
_ANSWERED = re.compile(r"Received (?:C-)?Store Response \((\w+)", re.IGNORECASE)
_AGAIN_S = 0.1
_CALL_S = 20.0
_AT_ONCE = 4


class Sender:
    """One modality, in a thread of its own from `come` to `leave`."""

    def __init__(self, folder: Path, films: Iterator[Film]) -> None:
        """Keep the exports in `folder`."""
        folder.mkdir()
        self.made: list[Film] = []
        self.safe: dict[str, Film] = {}  # by their names: those that it was told are safe
        self.calls = 0
        self._films = films
        self._folder = folder
        self._over = Event()
        self._calling = Lock()
        self._call: subprocess.Popen[bytes] | None = None
        self._is_halted = False
        self._thread = Thread(target=self._send_on, daemon=True)

    def make(self) -> Film:
        """One more export, to be sent at once."""
        film = next(self._films)
        (self._folder / film.name).write_bytes(film.content)
        self.made.append(film)
        return film

    @property
    def waiting(self) -> list[Film]:
        """What it still has to send."""
        return [film for film in self.made if film.name not in self.safe]

    def come(self) -> None:
        """Begin to send."""
        self._thread.start()

    def leave(self) -> None:
        """Send nothing more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(2 * _CALL_S)

    def hang_up(self) -> None:
        """End the call that is under way, and begin none: nothing is heard any more."""
        self._is_halted = True
        if self._call:
            self._call.kill()
        self._calling.acquire()

    def go_on(self) -> None:
        """Call again."""
        self._is_halted = False
        self._calling.release()

    def _send_on(self) -> None:
        while not self._over.wait(_AGAIN_S):
            waiting = self.waiting[:_AT_ONCE]
            if waiting and not self._is_halted:
                with self._calling:
                    self.calls += 1
                    told = self._told(waiting)
                    self.safe |= {film.name: film for film in told}

    def _told(self, films: list[Film]) -> list[Film]:
        """Send films once; those of which it is said that they are safe."""
        raise NotImplementedError


class Caller(Sender):
    """One that stores by DICOM: storescu and dcmsend in turn."""

    def __init__(self, folder: Path, films: Iterator[Film]) -> None:
        """It calls the box at `port`."""
        super().__init__(folder, films)
        self.port = free_port()
        self._programs = cycle(("storescu", "dcmsend"))

    def _told(self, films: list[Film]) -> list[Film]:
        names = ["-v", "-aet", CALLING, "-aec", "JEMBATAN", "127.0.0.1", str(self.port)]
        command = [next(self._programs), *names, *(film.name for film in films)]
        self._call = subprocess.Popen(
            bound_to_us(*command),
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            said = self._call.communicate(timeout=_CALL_S)[0]
        except subprocess.TimeoutExpired:
            self._call.kill()
            said = self._call.communicate()[0]
        answers = _ANSWERED.findall(said.decode())
        return [film for film, how in zip(films, answers, strict=False) if how == "Success"]


class Wire(Sender):
    """One at the other end of a serial line, which sends by ZMODEM: lrzsz's sz."""

    def __init__(self, folder: Path, films: Iterator[Film]) -> None:
        """The box's end of the line is `line`."""
        super().__init__(folder, films)
        self._cable = LongCable(folder)
        self.line = self._cable.box

    def leave(self) -> None:
        """Send nothing more, and take the line away."""
        super().leave()
        self._cable.unplug()

    def _told(self, films: list[Film]) -> list[Film]:
        paths = [self._folder / film.name for film in films]
        self._call = self._cable.sends("sz", "-q", "-b", *paths)
        try:
            return films if self._call.wait(_CALL_S) == 0 else []
        except subprocess.TimeoutExpired:
            return []
        finally:
            self._call.kill()
            self._call.wait()
