"""Owns the composition of the share service: the box's own network shares, offered by Samba.

One Samba for each interface that the settings name. What modalities write there is found by watch.
"""

from __future__ import annotations

import argparse
import errno
import logging
import socket
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.board.network import interfaces
from appliance.board.smb import samba
from appliance.board.smb.smbd import Smbd, make_ready
from appliance.errors import Problem, ShareStopped, ShareUnusable
from appliance.journal.away import is_away
from appliance.journal.worker import Worker
from appliance.services.duty import SAFETY_SCAN_S, main
from appliance.services.offers import tell
from appliance.sources.hosted import hosted, hosted_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.board.smb.samba import Instance
    from appliance.services.duty import Duty
    from appliance.settings.links import ShareLink

_log = logging.getLogger(__name__)

_AGAIN_S = 5.0
_UNPRIVILEGED_PORT = 4450
_LOOPBACK = "lo"


def work(duty: Duty, port: int = 0) -> None:
    """Offer the shares of the settings until told to leave, or until there are none.

    `port` 0: the usual one where this user may use it, else one that anybody may.
    """
    worker = Worker(duty.paths.run, duty.name)  # keeper sees by it that this lives
    shift = _Shift(duty, port or _usable_port())
    try:
        duty.loop(shift.turn)
    finally:
        shift.close()
    worker.retire()


class _Shift:
    def __init__(self, duty: Duty, port: int) -> None:
        self._duty = duty
        self._port = port
        self._running: dict[str, Smbd] = {}
        self._said: dict[str, str] = {}

    def turn(self) -> float:
        """Have every Samba offer what the settings say."""
        shares = () if is_away(self._duty.paths) else hosted(self._duty.settings.get())
        wanted = {instance.name: instance for instance in samba.instances(shares)}
        for name in self._running.keys() - wanted.keys():
            self._running.pop(name).stop()
        troubles: dict[str, Problem | None] = {}
        for instance in wanted.values():
            troubles |= self._offer(instance)
        self._say(troubles)
        if not wanted:
            self._duty.leaving.set()
        fine = not any(troubles.values())
        return SAFETY_SCAN_S if fine and wanted.keys() <= {samba.EVERYWHERE} else _AGAIN_S

    def close(self) -> None:
        """End all of them."""
        for smbd in self._running.values():
            smbd.stop()

    def _offer(self, instance: Instance) -> dict[str, Problem | None]:
        """Have the shares of one interface offered; what is wrong with each of them."""
        troubles: dict[str, Problem | None] = {
            share.name: self._unusable(share) for share in instance.shares
        }
        usable = tuple(share for share in instance.shares if not troubles[share.name])
        try:
            self._run(replace(instance, shares=usable))
        except Problem as problem:
            troubles |= {share.name: problem for share in usable}
        return troubles

    def _unusable(self, share: ShareLink) -> ShareUnusable | None:
        try:
            make_ready(share, self._folder(share))
        except ShareUnusable as problem:
            return problem
        return None

    def _run(self, instance: Instance) -> None:
        smbd = self._running.setdefault(instance.name, self._smbd(instance.name))
        folders = {share.name: self._folder(share) for share in instance.shares}
        try:
            address = _address_on(instance.interface)
        except ShareStopped:
            smbd.stop()
            raise
        if instance.shares:
            smbd.offer(instance, self._port, folders, address)
        else:
            smbd.stop()

    def _smbd(self, name: str) -> Smbd:
        state = self._duty.paths.run / "share" / name
        return Smbd(state, lambda: self._duty.ring(self._duty.name))

    def _folder(self, share: ShareLink) -> Path:
        return hosted_folder(share, self._duty.paths).resolve()

    def _say(self, troubles: Mapping[str, Problem | None]) -> None:
        """Tell watch how the shares are doing, when that has changed."""
        saying = {name: trouble.sentence if trouble else "" for name, trouble in troubles.items()}
        if saying == self._said:
            return
        tell(self._duty.paths.run, troubles)
        self._duty.ring("watch")  # also because a folder may be there only now
        for name, sentence in saying.items() - self._said.items():
            if trouble := troubles[name]:
                _log.warning("%s: %s %s", name, sentence, trouble.hint)
            else:
                _log.info(r"%s: offered as \\%s\%s", name, _address(self._port), name)
        self._said = saying


def _address_on(interface: str) -> str:
    """The address at which modalities reach an interface; "" where it is not one of them.

    Raises ShareStopped.
    """
    if interface in {"", _LOOPBACK}:
        return ""
    known = {found.name: found.address for found in interfaces()}
    if not known.get(interface):
        why = (
            f"{interface} has no address yet" if interface in known else f"there is no {interface}"
        )
        raise ShareStopped(name=f"on {interface}", why=why)
    return known[interface]


def _usable_port() -> int:
    """The port of SMB, unless only others may use it."""
    try:
        with socket.socket() as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind(("127.0.0.1", samba.SMB_PORT))
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EPERM}:
            _log.warning(
                "only root may use port %d: shares are offered on port %d, which smbclient "
                "can be told of (-p) and Windows cannot", samba.SMB_PORT, _UNPRIVILEGED_PORT,
            )  # fmt: skip
            return _UNPRIVILEGED_PORT
    return samba.SMB_PORT


def _address(port: int) -> str:
    name = socket.gethostname()
    return name if port == samba.SMB_PORT else f"{name} (port {port})"


def _command_line() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--port", type=int, default=0)
    own, rest = parser.parse_known_args(sys.argv[1:])
    main(lambda duty: work(duty, own.port), "share", rest)


if __name__ == "__main__":
    _command_line()
