"""Owns a machine made of software: QEMU's process, its power, its USB sockets, its memory kept.

A cut is SIGKILL for QEMU: what the machine had not yet given to its disk is gone, as on a box.
What it had given is there, flushed or not: host and file outlive the machine.
"""

from __future__ import annotations

import subprocess
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from tests.peers.orthanc import bound_to_us
from tests.prove.guest_qmp import Qmp
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

HOST = "10.0.2.2"
"""This machine's loopback as an emulated one sees it (QEMU's user network)."""

_PORTS_S = 30
_MEMORY_S = 300


class Emulator:
    """One machine; its sockets and logs are files in a folder of its own."""

    usb: Mapping[str, object] = MappingProxyType({"bus": "usb.0"})
    """Where things are plugged in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.boots = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._plugged: dict[str, int] = {}
        self._blocks = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    # Its power

    def switch_on(self, command: Sequence[str], *ports: str, memory: Path | None = None) -> None:
        """Start QEMU, which makes these sockets; with `memory` it goes on from there."""
        self.boots += 1
        sockets = [self.folder / name for name in ("qmp", *ports)]
        for socket in sockets:
            socket.unlink(missing_ok=True)
        options = ["-nodefaults", "-display", "none", "-qmp", f"unix:{sockets[0]},server,wait=off"]
        if memory:
            options += ["-incoming", f"exec:cat {memory}"]
        with (self.folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                bound_to_us(*command, *options), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for("QEMU", lambda: all(s.exists() for s in sockets) or self._failed(), _PORTS_S)
        self.qmp = Qmp(sockets[0])
        limits: dict[str, int] = {}
        self.qmp.ask("object-add", qom_type="throttle-group", id="drives", limits=limits)
        if memory:
            wait_for("memory", self._runs, _MEMORY_S)

    def write_memory(self, path: Path) -> None:
        """Write down what is in its memory; the machine stands still from then on."""
        self.qmp.ask("migrate-set-parameters", max_bandwidth=1 << 40)
        self.qmp.ask("migrate", uri=f"exec:cat >{path}")
        wait_for("memory kept", self._has_migrated, _MEMORY_S)

    def cut(self) -> None:
        """Cut its power."""
        if not self._process:
            return
        self._process.kill()
        self._process.wait()
        self._process = None
        self._plugged.clear()
        with suppress(AttributeError):
            self.qmp.close()

    @property
    def is_on(self) -> bool:
        """Whether it has power; False also once it has switched itself off."""
        return self._process is not None and self._process.poll() is None

    def _failed(self) -> bool:
        if not self.is_on:
            raise NotProved((self.folder / "qemu.log").read_text(errors="replace")[-2000:])
        return False

    def _runs(self) -> bool:
        return bool(self.qmp.ask("query-status")["status"] == "running")

    def _has_migrated(self) -> bool:
        state = self.qmp.ask("query-migrate").get("status")
        if state == "failed":
            message = "QEMU does not write down the machine's memory"
            raise NotProved(message)
        return bool(state == "completed")

    # Its sockets

    def throttle(self, bytes_per_s: int) -> None:
        """How fast what is plugged in is read from now on; 0: as fast as it can be."""
        limits = {"bps-read": bytes_per_s}
        self.qmp.ask("qom-set", path="/objects/drives", property="limits", value=limits)

    def plug_stick(self, name: str, path: Path, serial: str = "4C530001") -> None:
        """Plug in a USB mass storage with this image on it and this serial number."""
        self.plug_disk(name, path, driver="usb-storage", removable=True, serial=serial, **self.usb)

    def plug_disk(self, name: str, path: Path, **device: Any) -> None:
        """Plug in a raw image as this device."""
        self._blocks += 1
        node = f"block{self._blocks}"
        file = {"driver": "file", "filename": str(path)}
        self.qmp.ask(
            "blockdev-add",
            node_name=node,
            driver="throttle",
            throttle_group="drives",
            file={"driver": "raw", "file": file},
        )
        self.qmp.ask("device_add", id=name, drive=node, **device)
        self._plugged[name] = self._blocks

    def plug(self, name: str, driver: str, **device: object) -> None:
        """Plug in something else by USB."""
        self.qmp.ask("device_add", id=name, driver=driver, **{**self.usb, **device})

    def pull(self, name: str) -> None:
        """Pull it out, now."""
        self.qmp.ask("device_del", id=name)
        self.qmp.wait_for("DEVICE_DELETED", device=name)
        if number := self._plugged.pop(name, 0):
            self.qmp.ask("blockdev-del", node_name=f"block{number}")
