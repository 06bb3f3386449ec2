"""Owns running the box in the foreground: every service as a child, on a workstation what systemd
is on the box.

convert comes on demand: its bell and its counter are held here, and handed to it by the socket
activation protocol (sd_listen_fds(3)) when somebody rings or calls.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from appliance.box.takeover import carry_out
from appliance.call import listen
from appliance.journal.bell import hang
from appliance.services.duty import log_to_stderr, paths_of
from appliance.services.wanted import wanted
from appliance.settings.access import claim_code, prepare
from appliance.settings.current import Current
from appliance.settings.history import import_file
from appliance.settings.links import DriveLink, ShareLink, StickLink

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.journal.journal import Paths
    from appliance.settings.schema import Settings

_log = logging.getLogger(__name__)

_ALWAYS = ("keeper", "watch", "deliver", "web")
_AGAIN_AFTER_S = 1.0
_LEAVE_WITHIN_S = 20.0
_TICK_S = 0.25
_FIRST_FD = 3  # SD_LISTEN_FDS_START


def main(root: Path, config: Path | None = None, port: int = 8080) -> int:
    """Run until SIGTERM or SIGINT. Raises BadSettings before anything is started."""
    log_to_stderr()
    paths = paths_of(root, None)
    if carry_out(paths):
        _log.info("What came from another box is in its place.")
    prepare(paths.root)
    if config:
        import_file(paths.root, config)
    _greet(paths, port)
    Foreground(paths, port).run()
    return 0


def _greet(paths: Paths, port: int) -> None:
    _log.info("Jembatan keeps its state in %s", paths.root)
    _log.info("the page: http://localhost:%d/", port)
    if code := claim_code(paths.root):
        _log.info("claim code for the first visit: %s", code)


class Foreground:
    """The services as children of this process."""

    def __init__(self, paths: Paths, port: int) -> None:
        """Nothing runs yet."""
        self._paths = paths
        self._port = port
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._not_before_s: dict[str, float] = {}
        self._convert_doors = [hang(paths.run, "convert"), listen(paths.run / "convert.sock")]
        self._settings = Current(paths.root)
        self._has_grumbled = False
        self._leaving = False

    def run(self) -> None:
        """Keep every service alive until told to leave, then see them all out."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._leave)
        while not self._leaving:
            for name in (*_ALWAYS, *self._wanted()):
                self._keep_alive(name)
            # While convert runs they are its own.
            doors = [] if self._runs("convert") else self._convert_doors
            if select.select(doors, [], [], _TICK_S)[0]:
                self._keep_alive("convert")
        self._see_out()

    def _wanted(self) -> list[str]:
        """The services that only some settings need."""
        settings = self._settings.get()
        return wanted(settings) + self._helper(settings)

    def _helper(self, settings: Settings) -> list[str]:
        if not _needs_devices(settings):
            return []
        if os.geteuid() == 0:
            return ["devices"]
        if not self._has_grumbled:
            self._has_grumbled = True
            _log.warning("only root may mount sticks and shares: start `jembatan run` with sudo")
        return []

    def _leave(self, *_: object) -> None:
        self._leaving = True

    def _keep_alive(self, name: str) -> None:
        if self._runs(name):
            return
        child = self._children.get(name)
        if child is not None and child.returncode:
            _log.error("%s stopped (%d), it is started again", name, child.returncode)
            self._leave_alone(name)
        if time.monotonic() >= self._not_before_s.get(name, 0):
            self._children[name] = self._start(name)

    def _runs(self, name: str) -> bool:
        child = self._children.get(name)
        return child is not None and child.poll() is None

    def _leave_alone(self, name: str) -> None:
        """A service that cannot start must not be started in a tight circle."""
        self._not_before_s[name] = time.monotonic() + _AGAIN_AFTER_S
        del self._children[name]

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        # The kernel ends the children with us, however we end.
        command = ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m"]
        command += [f"appliance.services.{name}", "--root", str(self._paths.root)]
        if name == "web":
            command += ["--port", str(self._port)]
        if name != "convert":
            return subprocess.Popen(command)
        doors = [door.fileno() for door in self._convert_doors]
        # The second got a higher number than the first, so 3 and 4 are not taken from each other.
        handed = " ".join(f"{at}<&{door}" for at, door in enumerate(doors, _FIRST_FD))
        # LISTEN_PID must be the child's own number, which only the child knows.
        activate = f'LISTEN_FDS={len(doors)} LISTEN_PID=$$ exec "$@" {handed}'
        return subprocess.Popen(["/bin/sh", "-c", activate, "sh", *command], pass_fds=doors)

    def _see_out(self) -> None:
        running = [child for child in self._children.values() if child.poll() is None]
        for child in running:
            child.terminate()
        until_s = time.monotonic() + _LEAVE_WITHIN_S
        for child in running:
            try:
                child.wait(max(0.0, until_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()  # the journal is made for this
                child.wait()


def _needs_devices(settings: Settings) -> bool:
    """Whether there is a source that only root can reach."""
    links = (StickLink, DriveLink)
    mounted = (s for s in settings.sources if isinstance(s, ShareLink) and s.mount)
    return any(isinstance(s, links) for s in settings.sources) or any(mounted)
