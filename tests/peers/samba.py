"""Owns a modality that shares a folder: Debian's smbd, as any user, on a port of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.peers.orthanc import free_port
from tests.peers.ports import server

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARE = "export"
USER = "modality"
PASSWORD = "s3cret, pass"

_CONF = """
[global]
    server role = standalone server
    private dir = {state}
    lock directory = {state}
    state directory = {state}
    cache directory = {state}
    pid directory = {state}
    ncalrpc dir = {state}/rpc
    log file = {state}/log
    passdb backend = tdbsam:{state}/passdb.tdb
    interfaces = lo
    bind interfaces only = yes
    smb ports = {port}
    disable netbios = yes
    server min protocol = {lowest}
    server max protocol = {highest}
    load printers = no
    disable spoolss = yes
    map to guest = {guests}
    guest account = guest
    usershare max shares = 0
[{share}]
    path = {folder}
    guest ok = {guest_ok}
    read only = no
"""


class SharingModality:
    """One that can be switched off and on; `folder` is what it shares."""

    def __init__(self, root: Path, *, lowest: str, highest: str, guest: bool) -> None:
        self.port = free_port()
        self.folder = root / "export"
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o2770)
        # Unix sockets lie in it, whose paths must be short.
        self._state = Path(tempfile.mkdtemp(prefix="smb"))
        (self._state / "smb.conf").write_text(
            _CONF.format(
                state=self._state, port=self.port, lowest=lowest, highest=highest,
                share=SHARE, folder=self.folder, guests="Bad User" if guest else "Never",
                guest_ok="yes" if guest else "no",
            )
        )  # fmt: skip
        self._tell_users()
        self._running = ExitStack()

    @property
    def mount(self) -> str:
        """As the settings name it."""
        return f"//127.0.0.1:{self.port}/{SHARE}"

    is_on = False

    def switch_on(self) -> None:
        command = ["env", *self._environment(), "/usr/sbin/smbd", "-F", "--no-process-group"]
        command += ["--debug-stdout", "-s", str(self._state / "smb.conf")]
        self._running.enter_context(server(command, self.port, self._state / "stdout"))
        self.is_on = True

    def switch_off(self) -> None:
        """At once, with whoever is connected."""
        self._running.close()
        self.is_on = False

    def leave(self) -> None:
        self.switch_off()
        shutil.rmtree(self._state, ignore_errors=True)

    def _tell_users(self) -> None:
        uid, gid = os.geteuid(), os.getegid()
        names = ("owner", "guest", USER)
        accounts = "".join(f"{name}:x:{uid}:{gid}::/:/bin/false\n" for name in names)
        (self._state / "passwd").write_text(accounts)
        (self._state / "group").write_text(f"owner:x:{gid}:\n")
        subprocess.run(
            ["env", *self._environment(), "pdbedit", "-s", str(self._state / "smb.conf"),
             "-a", "-t", "-u", USER],
            input=f"{PASSWORD}\n{PASSWORD}\n", text=True, check=True, capture_output=True,
        )  # fmt: skip

    def _environment(self) -> list[str]:
        return [
            "LD_PRELOAD=libnss_wrapper.so",
            f"NSS_WRAPPER_PASSWD={self._state / 'passwd'}",
            f"NSS_WRAPPER_GROUP={self._state / 'group'}",
        ]


@contextmanager
def sharing_modality(
    root: Path, *, lowest: str = "SMB2_02", highest: str = "SMB3", guest: bool = False
) -> Iterator[SharingModality]:
    """Run one that speaks SMB from `lowest` to `highest` ("NT1" is SMB1)."""
    modality = SharingModality(root, lowest=lowest, highest=highest, guest=guest)
    try:
        modality.switch_on()
        yield modality
    finally:
        modality.leave()
