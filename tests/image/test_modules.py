from __future__ import annotations

import lzma
from typing import TYPE_CHECKING

import pytest
from imagebuild.errors import ModuleMissing
from imagebuild.modules import answers, choose, prune, read_needs
from imagebuild.recipe import Modules

if TYPE_CHECKING:
    from pathlib import Path

DEP = """kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/fs/mbcache.ko.xz
kernel/fs/jbd2/jbd2.ko.xz:
kernel/fs/mbcache.ko.xz:
kernel/drivers/usb/serial/usbserial.ko.xz:
kernel/drivers/usb/serial/ftdi_sio.ko.xz: kernel/drivers/usb/serial/usbserial.ko.xz
kernel/sound/soundcore.ko.xz:
"""
BUILTIN = ["kernel/drivers/rtc/rtc-pl031.ko"]


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("ftdi-sio", True),
        ("ftdi_sio", True),
        ("drivers/usb/serial/*", True),
        ("drivers/usb/*", True),
        ("ftdi", False),
        ("serial/*", False),
    ],
)
def test_a_pattern_means_a_name_or_a_path(pattern: str, matches: bool) -> None:
    assert answers("kernel/drivers/usb/serial/ftdi_sio.ko.xz", pattern) is matches


def needs(folder: Path) -> dict[str, tuple[str, ...]]:
    (folder / "modules.dep").write_text(DEP)
    return read_needs(folder)


def test_what_a_kept_module_needs_is_kept_and_loaded_before_it(tmp_path: Path) -> None:
    chosen = choose(needs(tmp_path), BUILTIN, Modules(("ext4",), ("ftdi_sio",), ()))
    assert chosen.early == (
        "kernel/fs/mbcache.ko.xz",
        "kernel/fs/jbd2/jbd2.ko.xz",
        "kernel/fs/ext4/ext4.ko.xz",
    )
    assert chosen.kept[:3] == chosen.early
    assert set(chosen.kept[3:]) == {
        "kernel/drivers/usb/serial/usbserial.ko.xz",
        "kernel/drivers/usb/serial/ftdi_sio.ko.xz",
    }


def test_what_is_dropped_is_left_out_unless_something_needs_it(tmp_path: Path) -> None:
    wanted = Modules((), ("drivers/usb/serial/*",), ("usbserial",))
    kept = choose(needs(tmp_path), BUILTIN, wanted).kept
    assert "kernel/drivers/usb/serial/usbserial.ko.xz" in kept
    wanted = Modules((), ("drivers/usb/serial/*",), ("ftdi_sio",))
    kept = choose(needs(tmp_path), BUILTIN, wanted).kept
    assert kept == ("kernel/drivers/usb/serial/usbserial.ko.xz",)


def test_a_module_that_the_kernel_has_built_in_satisfies_the_recipe(tmp_path: Path) -> None:
    assert choose(needs(tmp_path), BUILTIN, Modules((), ("rtc-pl031",), ())).kept == ()


def test_a_pattern_that_nothing_answers_to_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModuleMissing, match="ntfs3"):
        choose(needs(tmp_path), BUILTIN, Modules((), ("ntfs3",), ()))


def test_the_rest_is_deleted_and_what_stays_is_unpacked(tmp_path: Path) -> None:
    for line in DEP.splitlines():
        path = tmp_path / line.partition(":")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lzma.compress(b"module"))
    prune(tmp_path, ["kernel/fs/mbcache.ko.xz"])
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left == [tmp_path / "kernel/fs/mbcache.ko"]
    assert left[0].read_bytes() == b"module"
    assert not (tmp_path / "kernel/sound").exists()
