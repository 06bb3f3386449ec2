from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING

import pytest

from appliance.board.drive.gadget import Gadget, Looks, serial_of_this_box
from appliance.errors import DriveInUse, DrivePortTaken, NoDrivePort
from tests.fakes.configfs import FakeConfigfs

if TYPE_CHECKING:
    from pathlib import Path

LUN = "jembatan/functions/mass_storage.0/lun.0"
LOOKS = Looks("JEMBATAN", "EXPORT", "10000000ABCDEF01")


class Port:
    """A board with one port, and two images."""

    def __init__(self, folder: Path) -> None:
        self.configfs = FakeConfigfs(folder)
        self.gadget = Gadget(self.configfs, self.configfs.controllers)
        (folder / "drive").mkdir()
        self.image, self.other = folder / "drive" / "000001.img", folder / "drive" / "000002.img"
        for image in (self.image, self.other):
            image.write_bytes(bytes(1024))


@pytest.fixture
def port(tmp_path: Path) -> Port:
    return Port(tmp_path)


def killed_after(port: Port, steps: int) -> bool:
    """Stand, killed at the given access to the kernel; whether it was killed."""

    class Killed(BaseException):
        pass

    class Mortal:
        left = steps

        def __getattr__(self, name: str) -> object:
            if not self.left:
                raise Killed
            self.left -= 1
            return getattr(port.configfs, name)

    try:
        Gadget(Mortal(), port.configfs.controllers).stand(LOOKS, port.image)  # type: ignore[arg-type]
    except Killed:
        return True
    return False


def test_it_is_within_reach_while_a_host_has_it(port: Port) -> None:
    seen = [port.gadget.is_within_reach]
    port.configfs.host_comes()
    port.gadget.stand(LOOKS, port.image)
    seen.append(port.gadget.is_within_reach)
    port.configfs.host_leaves()
    seen.append(port.gadget.is_within_reach)
    port.configfs.host_comes()
    seen.append(port.gadget.is_within_reach)
    port.gadget.take_down()
    seen.append(port.gadget.is_within_reach)
    assert seen == [False, True, False, True, False]


def test_the_host_sees_a_stick_with_the_image(port: Port) -> None:
    port.configfs.host_comes()
    port.gadget.stand(LOOKS, port.image)
    assert port.configfs.medium == port.image
    assert port.gadget.host == "configured"
    assert port.configfs.read(f"{LUN}/inquiry_string") == "JEMBATANEXPORT          1.00"
    assert port.configfs.read(f"{LUN}/ro") == "0"
    assert port.configfs.read(f"{LUN}/removable") == "1"
    assert port.configfs.read("jembatan/strings/0x409/serialnumber") == LOOKS.serial


def test_a_host_that_has_it_mounted_notices_nothing_of_a_restart(port: Port) -> None:
    port.gadget.stand(LOOKS, port.image)
    port.configfs.host_comes()
    port.configfs.host_locks()
    noticed = list(port.configfs.noticed)
    Gadget(port.configfs, port.configfs.controllers).stand(LOOKS, port.image)
    assert port.configfs.noticed == noticed


def test_the_image_is_known_again_from_a_dead_mount_namespace(port: Port, tmp_path: Path) -> None:
    port.gadget.stand(LOOKS, port.image)
    port.configfs.host_comes()
    port.configfs.host_locks()
    port.configfs.namespace_dies(tmp_path)
    port.gadget.stand(LOOKS, port.image)
    assert not port.gadget.holds(port.other)
    assert port.configfs.noticed == ["medium in", "plugged"]


def test_killed_at_any_step_it_stands_the_next_time(tmp_path: Path) -> None:
    steps, was_killed = 0, True
    while was_killed:
        (tmp_path / str(steps)).mkdir()
        port = Port(tmp_path / str(steps))
        port.configfs.host_comes()
        was_killed = killed_after(port, steps)
        port.gadget.stand(LOOKS, port.image)
        assert port.configfs.medium == port.image
        steps += 1
    assert steps > 20


def test_nothing_is_left_of_it_when_it_is_taken_down(port: Port) -> None:
    port.gadget.stand(LOOKS, port.image)
    port.gadget.take_down()
    port.gadget.take_down()
    assert list(port.configfs.root.iterdir()) == []


def test_other_looks_replug_it(port: Port) -> None:
    port.configfs.host_comes()
    port.gadget.stand(LOOKS, port.image)
    port.configfs.host_locks()
    port.gadget.stand(LOOKS._replace(product="DISK"), port.image)
    assert port.configfs.noticed[-3:] == ["unplugged", "medium in", "plugged"]


def test_a_mounted_medium_is_never_taken_away(port: Port) -> None:
    port.configfs.host_comes()
    port.gadget.stand(LOOKS, port.image)
    port.configfs.host_locks()
    with pytest.raises(DriveInUse):
        port.gadget.eject()
    with pytest.raises(DriveInUse):
        port.gadget.stand(LOOKS, port.other)
    assert port.configfs.medium == port.image
    port.configfs.host_leaves()
    port.gadget.stand(LOOKS, port.other)
    assert port.configfs.medium == port.other


def test_a_board_without_such_a_port_says_so(tmp_path: Path) -> None:
    configfs = FakeConfigfs(tmp_path, controller="")
    gadget = Gadget(configfs, configfs.controllers)
    with pytest.raises(NoDrivePort):
        gadget.stand(LOOKS, tmp_path)
    with pytest.raises(NoDrivePort):
        Gadget(configfs, tmp_path / "nothing").stand(LOOKS, tmp_path)


def test_a_kernel_without_the_module_says_so(port: Port) -> None:
    port.configfs.module_is_there = False
    with pytest.raises(NoDrivePort):
        port.gadget.stand(LOOKS, port.image)


def test_a_port_that_something_else_uses_is_said_and_taken_once_free(port: Port) -> None:
    port.configfs.taken_by_another = True
    with pytest.raises(DrivePortTaken, match="dummy_udc"):
        port.gadget.stand(LOOKS, port.image)
    port.configfs.taken_by_another = False
    port.gadget.stand(LOOKS, port.image)
    assert port.configfs.medium == port.image


def test_what_the_kernel_refuses_for_other_reasons_flies(port: Port) -> None:
    port.gadget.stand(LOOKS, port.image)
    with pytest.raises(FileNotFoundError):
        port.gadget.insert(port.image.with_name("gone.img"))
    port.other.write_bytes(b"")
    with pytest.raises(OSError, match="Invalid"):
        port.gadget.insert(port.other)


def test_the_serial_number_is_the_boards_else_the_installations(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    of_installation = serial_of_this_box(tmp_path)
    assert len(of_installation) >= 12
    assert set(of_installation) <= set("0123456789ABCDEF")
    assert of_installation == serial_of_this_box(tmp_path)
    (tmp_path / "proc" / "device-tree").mkdir(parents=True)
    (tmp_path / "proc" / "device-tree" / "serial-number").write_bytes(b"10000000abcdef01\0")
    assert serial_of_this_box(tmp_path) == "10000000ABCDEF01"


# The fake refuses what the kernel does; where these stop holding, the tests above prove nothing.


@pytest.mark.parametrize(
    ("operation", "arguments", "number"),
    [
        ("mkdir", ("jembatan",), errno.EEXIST),
        ("mkdir", ("jembatan/functions/mass_storage",), errno.EINVAL),
        ("mkdir", ("jembatan/else",), errno.EPERM),
        ("rmdir", ("jembatan",), errno.ENOTEMPTY),
        ("rmdir", ("jembatan/configs",), errno.EPERM),
        ("rmdir", ("jembatan/configs/c.1",), errno.ENOTEMPTY),
        ("rmdir", ("jembatan/functions/mass_storage.0",), errno.EBUSY),
        ("rmdir", (LUN,), errno.EPERM),
        ("unlink", ("jembatan/idVendor",), errno.EPERM),
        ("write", ("jembatan/UDC", "dummy_udc.0"), errno.EBUSY),
        ("write", (f"{LUN}/ro", "1"), errno.EBUSY),
        ("symlink", ("other/functions/x.0", "jembatan/configs/c.1/x"), errno.EINVAL),
    ],
    ids=str,
)
def test_the_fake_refuses(
    port: Port, operation: str, arguments: tuple[str, ...], number: int
) -> None:
    port.gadget.stand(LOOKS, port.image)
    with pytest.raises(OSError, match=re.escape(os.strerror(number))):
        getattr(port.configfs, operation)(*arguments)
