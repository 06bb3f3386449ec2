"""Owns the USB gadget by which the box poses as a stick: one function, set up by configfs."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from appliance.errors import DriveInUse, DrivePortTaken, NoDrivePort

if TYPE_CHECKING:
    from collections.abc import Mapping


class Configfs(Protocol):
    """The kernel's folder of USB gadgets; paths are below it, OSErrors are the kernel's."""

    def read(self, path: str) -> str:
        """An attribute, without the white space at its end."""
        ...

    def write(self, path: str, text: str) -> None:
        """Set an attribute in one write; "" clears it."""
        ...

    def mkdir(self, path: str) -> None:
        """Have the kernel make an object."""
        ...

    def rmdir(self, path: str) -> None:
        """Have the kernel remove an object."""
        ...

    def symlink(self, target: str, path: str) -> None:
        """Tie one object to another."""
        ...

    def unlink(self, path: str) -> None:
        """Untie two objects."""
        ...


class KernelConfigfs:
    """The real one, as systemd mounts it."""

    def __init__(self, root: Path = Path("/sys/kernel/config/usb_gadget")) -> None:
        """Use the gadgets below `root`."""
        self._root = root

    def read(self, path: str) -> str:
        """See Configfs."""
        return (self._root / path).read_text().rstrip()

    def write(self, path: str, text: str) -> None:
        """See Configfs; the newline is needed: the kernel does not even hear an empty write."""
        fd = os.open(self._root / path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, f"{text}\n".encode())
        finally:
            os.close(fd)

    def mkdir(self, path: str) -> None:
        """See Configfs."""
        (self._root / path).mkdir()

    def rmdir(self, path: str) -> None:
        """See Configfs."""
        (self._root / path).rmdir()

    def symlink(self, target: str, path: str) -> None:
        """See Configfs."""
        (self._root / path).symlink_to(self._root / target)

    def unlink(self, path: str) -> None:
        """See Configfs."""
        (self._root / path).unlink()


class Looks(NamedTuple):
    """What the host is told about the stick it sees; never changes of itself."""

    vendor: str  # <= 8
    product: str  # <= 16
    serial: str  # 12 or more of 0-9A-F, as the bulk-only transport wants (4.1.1)


_NOT_ATTACHED = "not attached"
_ASLEEP = "suspended"
_GADGET = "jembatan"
_FUNCTION = f"{_GADGET}/functions/mass_storage.0"
_LUN = f"{_FUNCTION}/lun.0"
_CONFIG = f"{_GADGET}/configs/c.1"
_FOLDERS = (
    _GADGET,
    f"{_GADGET}/strings/0x409",
    _FUNCTION,
    _CONFIG,
    f"{_CONFIG}/strings/0x409",
)
_LINK = f"{_CONFIG}/mass_storage.0"
_UDC = f"{_GADGET}/UDC"
_FILE = f"{_LUN}/file"


class Gadget:
    """The one stick this box can pose as; what already stands as wanted is left attached."""

    def __init__(self, configfs: Configfs, controllers: Path = Path("/sys/class/udc")) -> None:
        """Use the first of the `controllers`."""
        self._configfs = configfs
        self._controllers = controllers

    def stand(self, looks: Looks, image: Path) -> None:
        """Be a stick that looks so and holds `image`; the host notices only what was different.

        Raises NoDrivePort, DrivePortTaken, and DriveInUse where the host does not let go of
        another image.
        """
        controller = self._controller()
        wanted = _attributes(looks)
        if not self._stands(wanted, controller):
            self.take_down()
            self._build(wanted)
        if not self.holds(image):
            self.eject()
            self.insert(image)
        self._plug_in(controller)

    def take_down(self) -> None:
        """Be no stick any more; what a killed process left half-made goes too."""
        with suppress(OSError):  # not there, or bound to nothing
            self._configfs.write(_UDC, "")
        with suppress(FileNotFoundError):
            self._configfs.unlink(_LINK)
        for folder in reversed(_FOLDERS):
            with suppress(FileNotFoundError):
                self._configfs.rmdir(folder)

    def holds(self, image: Path) -> bool:
        """Whether that image is in the drive.

        The kernel names it as the process saw it that put it in; from a mount namespace that has
        died since, the beginning of the path is missing.
        """
        held = self._read(_FILE)
        return bool(held) and Path(str(held)).parts[-2:] == image.parts[-2:]

    @property
    def host(self) -> str:
        """What the port says about the host: "configured", "suspended", "not attached", ..."""
        return self._state(self._controller())

    @property
    def is_within_reach(self) -> bool:
        """Whether a host has the stick in hand, and may write to it."""
        controller = self._read(_UDC)
        return bool(controller) and self._state(str(controller)) != _NOT_ATTACHED

    def eject(self) -> None:
        """Take the image out. Raises DriveInUse: the host keeps the door locked.

        There is a way to force it. It costs the host what it has not written yet.

        A host that sleeps writes nothing, and one that was switched off or unplugged looks just so
        to a port with a supply of its own (dwc2; raspberrypi/linux 5532): it would keep the door
        locked for ever. That one is unplugged first, which unlocks it.
        """
        try:
            self._configfs.write(_FILE, "")
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            if self.host != _ASLEEP:
                raise DriveInUse from error
            self._configfs.write(_UDC, "")
            self._configfs.write(_FILE, "")

    def insert(self, image: Path) -> None:
        """Put an image in, and plug in what was unplugged for it."""
        self._configfs.write(_FILE, str(image))
        self._plug_in(self._controller())

    def _state(self, controller: str) -> str:
        try:
            return (self._controllers / controller / "state").read_text().strip()
        except OSError:
            return _NOT_ATTACHED

    def _controller(self) -> str:
        with suppress(FileNotFoundError):
            if found := sorted(path.name for path in self._controllers.iterdir()):
                return found[0]
        raise NoDrivePort

    def _stands(self, wanted: Mapping[str, str], controller: str) -> bool:
        as_wanted = all(self._read(path) == value.rstrip() for path, value in wanted.items())
        return as_wanted and self._is_bound(controller)

    def _is_bound(self, controller: str) -> bool:
        return self._read(_UDC) == controller

    def _build(self, wanted: Mapping[str, str]) -> None:
        try:
            for folder in _FOLDERS:
                self._configfs.mkdir(folder)
        except FileNotFoundError as error:
            raise NoDrivePort from error  # no configfs, or no module for the function
        for path, value in wanted.items():
            self._configfs.write(path, value)
        self._configfs.symlink(_FUNCTION, _LINK)

    def _plug_in(self, controller: str) -> None:
        if self._is_bound(controller):
            return
        try:
            self._configfs.write(_UDC, controller)
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise DrivePortTaken(port=controller) from error
            if error.errno == errno.ENODEV:
                raise NoDrivePort from error
            raise

    def _read(self, path: str) -> str | None:
        try:
            return self._configfs.read(path)
        except FileNotFoundError:
            return None


def _attributes(looks: Looks) -> Mapping[str, str]:
    """Every attribute that is set, as the kernel shows it again.

    What the kernel itself changes when a host comes (bcdUSB, bMaxPacketSize0) is left to it: it
    would look like a difference.
    """
    return {
        f"{_GADGET}/idVendor": "0x0525",  # given by its owner, NetChip, to Linux for this purpose
        f"{_GADGET}/idProduct": "0xa4a5",
        f"{_GADGET}/bcdDevice": "0x0100",  # not the kernel's version: hosts would see a new device
        f"{_GADGET}/strings/0x409/manufacturer": looks.vendor,
        f"{_GADGET}/strings/0x409/product": looks.product,
        f"{_GADGET}/strings/0x409/serialnumber": looks.serial,
        f"{_CONFIG}/bmAttributes": "0x80",
        f"{_CONFIG}/MaxPower": "100",  # mA: more is refused by hubs without a supply of their own
        f"{_CONFIG}/strings/0x409/configuration": "stick",
        f"{_LUN}/removable": "1",
        f"{_LUN}/ro": "0",
        f"{_LUN}/cdrom": "0",
        f"{_LUN}/nofua": "0",
        f"{_LUN}/inquiry_string": f"{looks.vendor:8}{looks.product:16}1.00",
    }


def serial_of_this_box(root: Path = Path("/")) -> str:
    """The same as long as the board lives; else as long as the installation does."""
    for place in ("proc/device-tree/serial-number", "sys/firmware/devicetree/base/serial-number"):
        with suppress(OSError):
            if serial := (root / place).read_text().strip("\0\n ").upper():
                return serial.zfill(12)
    machine_id = b""
    with suppress(OSError):
        machine_id = (root / "etc/machine-id").read_bytes().strip()
    return hashlib.sha256(b"jembatan drive " + machine_id).hexdigest()[:16].upper()
