"""Owns a USB gadget tree that refuses what the kernel refuses, and the host on the other side.

After Documentation/usb/gadget_configfs.rst, gadget/configfs.c and function/storage_common.c of
Linux 6.12: what is made by itself, which order is wanted, when a medium cannot be taken out.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import NoReturn

_LUN = {
    "cdrom": "0", "file": "", "forced_eject": "", "inquiry_string": "", "nofua": "0",
    "removable": "1", "ro": "0",
}  # fmt: skip
_GADGET = {
    "UDC": "", "bDeviceClass": "0x00", "bMaxPacketSize0": "0x00", "bcdDevice": "0x0612",
    "bcdUSB": "0x0000", "idProduct": "0x0000", "idVendor": "0x0000",
}  # fmt: skip
_STRINGS = dict.fromkeys(("manufacturer", "product", "serialnumber"), "")

_MADE = (
    (r"[^/]+", _GADGET, ("configs", "functions", "os_desc", "strings", "webusb")),
    (r"[^/]+/strings/0x[0-9a-f]+", _STRINGS, ()),
    (r"[^/]+/configs/[^/.]+\.\d+", {"MaxPower": "500", "bmAttributes": "0x80"}, ("strings",)),
    (r"[^/]+/configs/[^/]+/strings/0x[0-9a-f]+", {"configuration": ""}, ()),
    (r"[^/]+/functions/mass_storage\.[^/]+", {"stall": "1"}, ("lun.0",)),
)
"""What may be made, the attributes it comes with, and the folders."""

_NUMBERED = {"configs", "functions"}  # their children are called NAME.NUMBER
_BY_THEMSELVES = {"configs", "functions", "os_desc", "strings", "webusb", "lun.0"}
_HEX = {"idVendor", "idProduct", "bcdDevice", "bcdUSB"}
_SMALLEST_BYTES = 512


class FakeConfigfs:
    """`controllers` is the folder for /sys/class/udc; `noticed` is what the host saw happen."""

    def __init__(self, folder: Path, controller: str = "dummy_udc.0") -> None:
        self.root = folder / "usb_gadget"
        self.root.mkdir(parents=True)
        self.controllers = folder / "udc"
        self.controllers.mkdir()
        self.noticed: list[str] = []
        self.controller = controller
        self.module_is_there = True
        self.taken_by_another = False
        self._host_is_there = False
        self._locked = False
        self._out_of_reach = ""
        if controller:
            (self.controllers / controller).mkdir()
            self._show("not attached")

    # --- the host -----------------------------------------------------------------------------

    def host_comes(self) -> None:
        """A host is plugged in; what it asks for changes what the kernel shows."""
        self._host_is_there = True
        self._enumerate()

    def host_leaves(self) -> None:
        """Unplugged or switched off: the lock is forgotten (f_mass_storage, handle_exception)."""
        self._host_is_there = self._locked = False
        self._show("not attached")

    def host_sleeps(self) -> None:
        self._show("suspended")

    def host_locks(self) -> None:
        """PREVENT MEDIUM REMOVAL, which a host sends when it mounts the stick."""
        self._locked = True

    def host_unlocks(self) -> None:
        self._locked = False

    @property
    def medium(self) -> Path | None:
        """The image that the host sees."""
        bound = [udc for udc in self.root.glob("*/UDC") if udc.read_text()]
        files = (
            [f.read_text() for f in self.root.glob("*/functions/*/lun.0/file")] if bound else []
        )
        return Path(files[0]) if files and files[0] else None

    def _enumerate(self) -> None:
        for udc in self.root.glob("*/UDC"):
            if udc.read_text() and self._host_is_there:
                self._show("configured")
                udc.with_name("bcdUSB").write_text("0x0210")
                udc.with_name("bMaxPacketSize0").write_text("0x40")
                self.noticed.append("plugged")

    def _show(self, state: str) -> None:
        (self.controllers / self.controller / "state").write_text(f"{state}\n")

    def namespace_dies(self, mount_point: Path) -> None:
        """Who put the image in had mounts of its own, and died: nobody can name those any more."""
        self._out_of_reach = str(mount_point)

    # --- Configfs -----------------------------------------------------------------------------

    def read(self, path: str) -> str:
        value = (self.root / path).read_text()
        if path.endswith("/lun.0/file") and value:
            gone = "" if Path(value).exists() else " (deleted)"
            return value.removeprefix(self._out_of_reach) + gone
        return value.rstrip()

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        if not place.is_file():
            _refuse(errno.EISDIR if place.is_dir() else errno.ENOENT, path)
        match place.name:
            case "UDC":
                self._bind(place, text)
            case "file":
                self._load(place, text)
            case "forced_eject":
                self._locked = False
                self._load(place.with_name("file"), "")
                self.noticed.append("lost what it had not written")
            case "ro" if place.with_name("file").read_text():
                _refuse(errno.EBUSY, path)
            case "inquiry_string":
                place.write_text(f"{text:28.28}")
            case name if name in _HEX:
                place.write_text(f"0x{int(text, 16):04x}")
            case _:
                place.write_text(text)

    def mkdir(self, path: str) -> None:
        place = self.root / path
        if place.exists():
            _refuse(errno.EEXIST, path)
        if not place.parent.exists() or ("/functions/" in path and not self.module_is_there):
            _refuse(errno.ENOENT, path)
        for pattern, attributes, folders in _MADE:
            if re.fullmatch(pattern, path):
                _make(place, attributes)
                for folder in folders:
                    _make(place / folder, _LUN if folder == "lun.0" else {})
                return
        _refuse(errno.EINVAL if place.parent.name in _NUMBERED else errno.EPERM, path)

    def rmdir(self, path: str) -> None:
        place = self.root / path
        if not place.is_dir():
            _refuse(errno.ENOENT, path)
        if place.name in _BY_THEMSELVES:
            _refuse(errno.EPERM, path)
        if any(link.resolve() == place.resolve() for link in self._links()):
            _refuse(errno.EBUSY, path)
        folders = [each for each in place.rglob("*") if each.is_dir() or each.is_symlink()]
        if any(each.name not in _BY_THEMSELVES for each in folders):
            _refuse(errno.ENOTEMPTY, path)
        _remove(place)

    def symlink(self, target: str, path: str) -> None:
        place = self.root / path
        if place.is_symlink():
            _refuse(errno.EEXIST, path)
        gadget = path.split("/", maxsplit=1)[0]
        ours = target.startswith(f"{gadget}/functions/") and (self.root / target).is_dir()
        if not ours or (self.root / gadget / "UDC").read_text():
            _refuse(errno.EINVAL, path)
        place.symlink_to(self.root / target)

    def unlink(self, path: str) -> None:
        place = self.root / path
        if place.is_file():
            _refuse(errno.EPERM, path)  # an attribute
        if not place.is_symlink():
            _refuse(errno.ENOENT, path)
        udc = self.root / path.split("/", maxsplit=1)[0] / "UDC"
        if udc.read_text():
            self._bind(udc, "")  # the kernel cannot forbid it, so it unbinds
        place.unlink()

    def _bind(self, udc: Path, name: str) -> None:
        bound = udc.read_text()
        if not name:
            if not bound:
                _refuse(errno.ENODEV, str(udc))
            udc.write_text("")
            self._locked = False
            self.noticed.append("unplugged")
            return self._show("not attached")
        if bound or self.taken_by_another:
            _refuse(errno.EBUSY, str(udc))
        if not (self.controllers / name).is_dir():
            _refuse(errno.ENODEV, str(udc))
        if not [link for link in self._links() if udc.parent in link.parents]:
            _refuse(errno.EINVAL, str(udc))  # nothing to be
        udc.write_text(name)
        return self._enumerate()

    def _load(self, place: Path, image: str) -> None:
        held = place.read_text()
        if held and self._locked:
            _refuse(errno.EBUSY, str(place))
        if image and Path(image).stat().st_size < _SMALLEST_BYTES:
            _refuse(errno.EINVAL, str(place))
        place.write_text(image)
        if image != held:
            self.noticed.append("medium in" if image else "medium out")

    def _links(self) -> list[Path]:
        return [path for path in self.root.rglob("*") if path.is_symlink()]


def _make(place: Path, attributes: dict[str, str]) -> None:
    place.mkdir()
    for name, value in attributes.items():
        (place / name).write_text(value)


def _remove(place: Path) -> None:
    for each in place.iterdir():
        if each.is_dir():
            _remove(each)
        else:
            each.unlink()
    place.rmdir()


def _refuse(number: int, path: str) -> NoReturn:
    raise OSError(number, os.strerror(number), path)
