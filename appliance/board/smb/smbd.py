"""Owns a running Samba: its files, its users, its process; it needs no root.

smbd looks users up in the system's accounts. libnss_wrapper shows it a passwd file of ours there
instead, so that a source in the settings is all it takes to have a user.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from appliance import durable
from appliance.board.smb import samba
from appliance.errors import NoSamba, ShareStopped, ShareUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.board.smb.samba import Instance
    from appliance.settings.links import ShareLink

_log = logging.getLogger(__name__)

_PROGRAMS = "/usr/sbin:/usr/bin:/sbin:/bin"
_WRAPPER = "libnss_wrapper.so"
_LIBRARIES = "/usr/lib/*-linux-*/{name}"
_CATIA = "samba/vfs/catia.so"
_OWN_FOLDERS = ("private", "lock", "state", "cache", "pid", "rpc", "log")
_FOLDER_MODE = 0o770
_LONGEST_SOCKET = 107  # sun_path of unix(7)
_SOCKET = "private/msg.sock/4194304"
_PATIENCE_S = 10.0
_GLANCE_S = 0.02
_GLANCES = 600  # a Pi that starts has much else to do
_PORT_TAKEN = "Address already in use"
_LISTENING = "0A"  # TCP_LISTEN of linux/net/tcp_states.h
_NOISE = ("corepath", "started.", "Copyright", "Profiling turned OFF", "idmap range", "succeeded")


class _Told(NamedTuple):
    """What a Samba was started or last reloaded with."""

    conf: str
    users: Mapping[str, str]
    address: str


def make_ready(share: ShareLink, folder: Path) -> None:
    """Have a folder into which the users of the share can write. Raises ShareUnusable.

    Samba goes by the group: all its users have one number, and no owner's rights of their own.
    """
    samba.section(share, folder)
    try:
        durable.make_folder(folder)
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(_FOLDER_MODE)
    except OSError as error:
        raise ShareUnusable(name=share.name, why=f"{folder}: {error.strerror}") from error
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise ShareUnusable(name=share.name, why=f"nothing may be written into {folder}")


class Smbd:
    """One Samba with all its files below `state`; belongs to one thread."""

    def __init__(self, state: Path, ended: Callable[[], None]) -> None:
        """Nothing runs yet; `ended` is called, from another thread, when it ends."""
        self._state = state
        self._ended = ended
        self._process: subprocess.Popen[str] | None = None
        self._told: _Told | None = None
        self._last_words = ""

    def offer(
        self, instance: Instance, port: int, folders: Mapping[str, Path], address: str = ""
    ) -> None:
        """Have it run, and offer exactly these shares; transfers under way go on where they can.

        It listens anew when the `address` of its interface is another one. Raises NoSamba,
        ShareUnusable, and ShareStopped where it has ended by itself.
        """
        place = samba.Place(self._state, port, catia=_has_catia())
        told = _Told(samba.smb_conf(instance, place, folders), instance.users, address)
        if self._process and self._process.poll() is not None:
            self._mourn(instance)
        if self._process and told == self._told:
            return
        if self._told and _start_of(told) != _start_of(self._told):
            self.stop()
        self._tell(instance, told)
        if self._process:
            self._reload(told)
        else:
            self._start(instance)
        self._told = told

    def stop(self) -> None:
        """End it, and whoever is connected to it."""
        process, self._process = self._process, None
        self._told = None
        if process is None:
            return
        _signal_all(process, signal.SIGTERM)
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            _signal_all(process, signal.SIGKILL)
            process.wait()

    # What it reads

    def _tell(self, instance: Instance, told: _Told) -> None:
        _need_short(self._state, instance)
        if not self._told:
            # It all comes from the settings; what Samba remembers of before may be of other users.
            shutil.rmtree(self._state, ignore_errors=True)
        self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in _OWN_FOLDERS:
            (self._state / name).mkdir(mode=0o700, exist_ok=True)
        accounts = samba.passwd(instance, os.geteuid(), os.getegid())
        durable.publish(self._state / "passwd", accounts.encode(), 0o600)
        durable.publish(self._state / "group", samba.group(os.getegid()).encode(), 0o600)
        durable.publish(self._state / "smb.conf", told.conf.encode(), 0o600)
        before = self._told.users if self._told else {}
        for user in before.keys() - told.users.keys():
            self._pdbedit("-x", "-u", user)
        for user, password in told.users.items():
            if before.get(user) != password:
                self._pdbedit("-a", "-t", "-u", user, said=f"{password}\n{password}\n")

    def _pdbedit(self, *arguments: str, said: str = "") -> None:
        """The users' database; passwords come by its standard input."""
        self._run("pdbedit", *arguments, said=said)

    def _run(self, program: str, *arguments: str, said: str = "") -> None:
        try:
            done = subprocess.run(
                [_program(program), "-s", self._conf, *arguments],
                input=said, capture_output=True, text=True, timeout=_PATIENCE_S, check=False,
                env=self._environment(),
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ShareStopped(name="folders", why=f"{program} does not come to an end") from None
        if done.returncode:
            why = " ".join(done.stderr.split()[-30:])
            raise ShareStopped(name="folders", why=f"{program} says: {why}")

    @property
    def _conf(self) -> str:
        return str(self._state / "smb.conf")

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": _PROGRAMS,
            "LD_PRELOAD": str(_wrapper()),
            "NSS_WRAPPER_PASSWD": str(self._state / "passwd"),
            "NSS_WRAPPER_GROUP": str(self._state / "group"),
        }

    # Its process

    def _start(self, instance: Instance) -> None:
        command = [_program("smbd"), "-F", "--debug-stdout", "-s", self._conf]
        # The kernel ends it with us, however we end.
        self._process = subprocess.Popen(
            [_program("setpriv"), "--pdeathsig", "TERM", "--", *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", env=self._environment(),
        )  # fmt: skip
        self._last_words = ""
        Thread(target=self._listen, args=(self._process,), name="smbd", daemon=True).start()
        # Where it cannot listen it ends, or goes on with IPv6 alone, which no old modality knows.
        for _ in range(_GLANCES):
            if _listens(self._process.pid):
                return
            if _PORT_TAKEN in self._last_words:
                break
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GLANCE_S)
                break
        self._mourn(instance)

    def _mourn(self, instance: Instance) -> NoReturn:
        self.stop()
        raise ShareStopped(name=_names(instance), why=self._last_words or "smbd has ended")

    def _reload(self, told: _Told) -> None:
        if self._process:
            self._process.send_signal(signal.SIGHUP)
        for name in _shares(self._told) - _shares(told):
            self._run("smbcontrol", "smbd", "close-share", name)

    def _listen(self, process: subprocess.Popen[str]) -> None:
        """Its log becomes ours; what it said last says why it ended."""
        for line in process.stdout or ():
            if line.strip() and not any(noise in line for noise in _NOISE):
                self._last_words = line.strip()
                _log.info("smbd: %s", line.strip())
        process.wait()
        self._ended()


def _listens(pid: int) -> bool:
    """Whether a process waits for callers by IPv4."""
    process = Path("/proc", str(pid))
    try:
        own = {os.readlink(fd) for fd in (process / "fd").iterdir()}  # noqa: PTH115
        lines = (process / "net" / "tcp").read_text().splitlines()[1:]
    except OSError:
        return False  # it ends just now
    rows = (line.split() for line in lines)
    return any(row[3] == _LISTENING and f"socket:[{row[9]}]" in own for row in rows)


def _start_of(told: _Told) -> tuple[str, str]:
    """What it reads only when it starts."""
    return samba.global_part(told.conf), told.address


def _signal_all(process: subprocess.Popen[str], number: int) -> None:
    """It makes a process group of itself and its children, but not in its first moment."""
    with suppress(ProcessLookupError):
        process.send_signal(number)
        os.killpg(process.pid, number)


def _program(name: str) -> str:
    found = shutil.which(name, path=_PROGRAMS)
    if found is None:
        raise NoSamba(what=name)
    return found


def _wrapper() -> Path:
    found = _library(_WRAPPER)
    if found is None:
        raise NoSamba(what=_WRAPPER)
    return found


def _has_catia() -> bool:
    return _library(_CATIA) is not None


def _library(name: str) -> Path | None:
    return next(Path("/").glob(_LIBRARIES.format(name=name).lstrip("/")), None)


def _need_short(state: Path, instance: Instance) -> None:
    if len(os.fsencode(state / _SOCKET)) > _LONGEST_SOCKET:
        raise ShareUnusable(name=_names(instance), why=f"the path {state} is too long for Samba")


def _shares(told: _Told | None) -> set[str]:
    lines = told.conf.splitlines() if told else ()
    return {line[1:-1] for line in lines if line.startswith("[")} - {"global"}


def _names(instance: Instance) -> str:
    return ", ".join(share.name for share in instance.shares)
