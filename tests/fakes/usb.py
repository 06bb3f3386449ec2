"""Owns a pretended USB bus: what lies as NAME.json in a folder is plugged in.

It goes through the same judgement as what udev says of a real bus, so it refuses what that
refuses: what is not below a USB device, and the box's own disks. Run as a program it is the
devices service on this bus, with loop devices for sticks:

    python -m tests.fakes.usb --root BOX        (the folder is BOX/usb)
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from inotify_simple import INotify, flags

from appliance.board.usb import BlockDevice, own_disks, volumes_of
from appliance.durable import publish, remove
from appliance.services.devices import work
from appliance.services.duty import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.board.usb import UsbVolume
    from appliance.services.duty import Duty


class FakeBus:
    """The sockets, as `folder` describes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def plug(self, device: BlockDevice) -> None:
        publish(self._file(device.name), json.dumps(asdict(device)).encode())

    def pull(self, name: str) -> None:
        remove(self._file(name))

    def volumes(self) -> list[UsbVolume]:
        said = (json.loads(file.read_text()) for file in sorted(self.folder.glob("*.json")))
        return volumes_of([BlockDevice(**device) for device in said], own_disks())

    def changes(self) -> Iterator[None]:
        with INotify() as events:
            events.add_watch(self.folder, flags.MOVED_TO | flags.DELETE)
            while events.read():
                yield

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def stick(
    node: str, *, fs: str = "ext4", label: str = "EXPORT", arrival: int = 1, by_usb: bool = True
) -> BlockDevice:
    """A stick without partitions; `arrival` counts how often it was plugged in."""
    name = node.rsplit("/", 1)[-1]
    said = {"ID_FS_TYPE": fs, "ID_FS_LABEL": label, "DISKSEQ": str(arrival), "ID_SERIAL": name}
    return BlockDevice(name, node, name, by_usb, 1 << 20, said)


def _pretend(duty: Duty) -> None:
    work(duty, FakeBus(duty.paths.root / "usb"))


if __name__ == "__main__":
    main(_pretend, "devices")
