"""Owns which file systems are plugged in by USB, and noticing when that changes (pyudev).

Also what a disk counts of its own failures. Only what hangs below a USB device is ever named, and
never a disk that the box itself lives on.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyudev

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

READABLE = frozenset({"vfat", "exfat", "ntfs", "iso9660", "udf", "ext2", "ext3", "ext4"})
"""File systems that sticks have, as udev calls them."""

SERVICE_LABELS = {
    "JEMBATAN-SPARE": "handover",
    "JEMBATAN-SP": "handover",
    "JEMBATAN-BACKUP": "backup",
    "JEMBATAN-BA": "backup",
}
"""Of sticks that the box writes to, and what for; FAT has room for eleven letters."""
UPDATE_LABELS = frozenset({"JEMBATAN-UPDATE", "JEMBATAN-UP"})
"""Of sticks with an update, which are no exports; FAT has room for eleven letters."""

_SECTOR_BYTES = 512  # in sysfs, whatever the disk's own is
_SYSFS = Path("/sys/dev/block")


@dataclass(frozen=True, slots=True)
class BlockDevice:
    """What udev says about a disk or a partition; `disk` is the name of the whole one.

    Until udev `has_read` it, neither its file system nor its serial number is known.
    """

    name: str
    node: str
    disk: str
    by_usb: bool
    size_bytes: int
    properties: Mapping[str, str] = field(default_factory=dict)
    has_read: bool = True


@dataclass(frozen=True, slots=True)
class UsbVolume:
    """One file system on a stick; `id` is another one each time it is plugged in.

    `serial` tells one stick from another; `fs` is "" where nothing known is on it.
    """

    id: str
    label: str
    fs: str
    size_bytes: int
    device: str
    model: str
    serial: str

    @property
    def service(self) -> str:
        """What the box itself keeps on it; "" for a stick of a modality's."""
        return SERVICE_LABELS.get(self.label.upper(), "")

    @property
    def brings_update(self) -> bool:
        """Whether it is for the box itself, and nothing of a modality's is on it."""
        return self.label.upper() in UPDATE_LABELS


class Bus(Protocol):
    """The USB sockets of the box."""

    def volumes(self) -> list[UsbVolume]:
        """What is plugged in now."""
        ...

    def changes(self) -> Iterator[None]:
        """Waits for something to come or go, again and again."""
        ...


class UsbBus:
    """The real ones."""

    def __init__(self) -> None:
        """Learn which disks are the box's own. Raises ImportError where there is no libudev."""
        self._context = pyudev.Context()
        self._own = own_disks()
        self._divided: frozenset[str] = frozenset()

    def volumes(self) -> list[UsbVolume]:
        """What is plugged in now."""
        listed = self._context.list_devices(subsystem="block")
        devices = [_block_device(device) for device in listed]
        self._divided = divided(devices, self._divided)
        return volumes_of(devices, self._own, self._divided)

    def changes(self) -> Iterator[None]:
        """Waits for a disk to come or go, again and again."""
        monitor = pyudev.Monitor.from_netlink(self._context)
        monitor.filter_by("block")
        for _ in iter(monitor.poll, None):
            yield


def _block_device(device: pyudev.Device) -> BlockDevice:
    parent = device.find_parent("block", "disk")
    return BlockDevice(
        name=device.sys_name,
        node=device.device_node or "",
        disk=parent.sys_name if parent else device.sys_name,
        by_usb=device.find_parent("usb", "usb_device") is not None,
        size_bytes=int(device.attributes.get("size") or 0) * _SECTOR_BYTES,
        properties=dict(device.properties.items()),
        has_read=device.is_initialized,
    )


def divided(
    devices: Iterable[BlockDevice], before: frozenset[str] = frozenset()
) -> frozenset[str]:
    """The disks among `devices` that have partitions, or had some `before`.

    Partitions come after their disk and go before it. The disk that is there alone for a moment
    would else seem to be another stick, plugged in and pulled.
    """
    listed = list(devices)
    now = {_plugging(device) for device in listed if device.name != device.disk}
    return frozenset(now | (before & {_plugging(device) for device in listed}))


def volumes_of(
    devices: Iterable[BlockDevice], own: frozenset[str], parted: frozenset[str] | None = None
) -> list[UsbVolume]:
    """The volumes on `devices` that may be read; `own` are the names of the box's own disks.

    `parted` are the disks with partitions, where more is known of them than `devices` tell.

    What has no file system at all is named only where nothing else on that stick has one; what has
    one that is not known here always, so that it can be said.
    """
    devices = list(devices)
    parted = divided(devices) if parted is None else parted
    foreign = [d for d in devices if d.by_usb and d.node and d.size_bytes and d.disk not in own]
    whole = [d for d in foreign if d.name != d.disk or _plugging(d) not in parted]
    offered = [device for device in whole if device.has_read]
    useful = {device.disk for device in offered if _file_system(device)}
    named = [d for d in offered if _holds_files(d) or d.disk not in useful]
    return [_volume(device) for device in sorted(named, key=lambda device: device.name)]


def _holds_files(device: BlockDevice) -> bool:
    return device.properties.get("ID_FS_TYPE", "") not in {"", "swap"}


def _file_system(device: BlockDevice) -> str:
    kind = device.properties.get("ID_FS_TYPE", "")
    return kind if kind in READABLE else ""


def _volume(device: BlockDevice) -> UsbVolume:
    said = device.properties
    # The number of the disk since boot, new each time it (or its medium) comes.
    arrival = said.get("DISKSEQ") or said.get("USEC_INITIALIZED", "0")
    model = _seen(said.get("ID_MODEL", "")).replace("_", " ").strip()
    return UsbVolume(
        id=f"{device.name}-{arrival}",
        label=_seen(said.get("ID_FS_LABEL", "")) or model or "The stick",
        fs=_file_system(device),
        size_bytes=device.size_bytes,
        device=device.node,
        model=model,
        serial=f"{said.get('ID_SERIAL', '')} {said.get('ID_FS_UUID', '')} {device.size_bytes}",
    )


def _plugging(device: BlockDevice) -> str:
    """What a disk and its partitions have in common, as long as it is plugged in."""
    return f"{device.disk}-{device.properties.get('DISKSEQ', '')}"


def _seen(text: str) -> str:
    """What a stick says of itself, as it may be written anywhere."""
    return "".join(char if char.isprintable() else "_" for char in text)


# The box's own disks


def own_disks(
    mounts: Path = Path("/proc/self/mountinfo"),
    swaps: Path = Path("/proc/swaps"),
    sysfs: Path = _SYSFS,
) -> frozenset[str]:
    """The names of the disks that something is mounted from, or swapped to, now.

    A box may have been started from a USB disk; all partitions of that one are its own.
    """
    numbers = set(_mounted(mounts.read_text()))
    numbers |= {n for line in _lines(swaps)[1:] if (n := _number(line.split()[0]))}
    return frozenset(disk for number in numbers for disk in _disks(sysfs / number))


def _mounted(mountinfo: str) -> Iterator[str]:
    """Device numbers MAJOR:MINOR; some file systems give theirs only by the path (proc(5))."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        yield before.split()[2]
        if (source := after.split()[1]).startswith("/dev/") and (number := _number(source)):
            yield number


def _number(node: str) -> str:
    try:
        found = Path(node).stat().st_rdev
    except OSError:
        return ""
    return f"{os.major(found)}:{os.minor(found)}" if found else ""


def _disks(device: Path) -> Iterator[str]:
    """The disk a device number is on; those below it where it is a mapping or a RAID."""
    if not device.exists():
        return
    real = device.resolve()
    for below in (real / "slaves").glob("*"):
        yield from _disks(below)
    yield real.parent.name if (real / "partition").exists() else real.name


# What a disk says about itself


def disk_errors(device: int, sysfs: Path = _SYSFS) -> int | None:
    """How many commands the disk of a file system (its st_dev) has failed since it came.

    None where nobody counts: only disks that speak SCSI do, as all on USB.
    """
    place = sysfs / f"{os.major(device)}:{os.minor(device)}"
    disk = place / ".." if (place / "partition").exists() else place
    try:
        return int((disk / "device" / "ioerr_cnt").read_text(), 16)
    except (OSError, ValueError):
        return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
