"""That U-Boot writes to no serial line of a Raspberry Pi, and Linux is given the plug's."""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from imagebuild import devicetree
from imagebuild.errors import NotBuilt
from imagebuild.parts import Parts
from imagebuild.quiet import RS232, silence
from imagebuild.recipe import CACHE, Recipe

from tests.builders.boot_card import SCRIPT, BootCard, kernel, run
from tests.prove.firmware import handed_over

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagebuild.devicetree import Node

    from tests.image.conftest import MachinesTools

OVERLAY = Path("hw/overlays/jembatan.dts")
ENVIRONMENT = Path("image-build/boot/uboot-rpi.env")
TAKEN = [Parts(folder, Recipe.load()) for folder in sorted(CACHE.glob("parts/*.made"))[-1:]]
TREES = {name: tree for parts in TAKEN for name, tree in parts.trees().items()}
PI_3B = "broadcom/bcm2837-rpi-3-b.dtb"
PLUG = RS232.rpartition("/")[2]
MAGIC = b"\xd0\x0d\xfe\xed"

built_here = pytest.mark.skipif(
    not TAKEN, reason="the boards' own parts: ./dev image fetches them"
)

# As the trees of all boards have it: both lines are on, and the console is the second.
TREE = """/dts-v1/;
/ {
    chosen { stdout-path = "serial1:115200n8"; };
    aliases { serial0 = "/soc/serial@7e201000"; serial1 = "/soc/serial@7e215040"; };
    soc {
        gpio: gpio@7e200000 { uart0_gpio14: uart0-gpio14 { }; };
        uart0: serial@7e201000 { status = "okay"; bluetooth { }; };
        uart1: serial@7e215040 { };
        i2c1: i2c@7e804000 { status = "disabled"; };
    };
};
"""

# From the start of the tree that the kernel is given (x0), to its end, to the good UART.
TELLS_ITS_TREE = kernel(
    0xB9400401,  # ldr w1, [x0, #4]: the tree's size
    0x5AC00821,  # rev w1, w1
    0x52820002,  # mov w2, #0x1000
    0x72A7E402,  # movk w2, #0x3f20, lsl #16: the UART
    0x52806023,  # mov w3, #0x301
    0xB9003043,  # str w3, [x2, #0x30]: on
    0x38401403,  # 1: ldrb w3, [x0], #1
    0xB9401844,  # 2: ldr w4, [x2, #0x18]
    0x372FFFE4,  # tbnz w4, #5, 2b: full
    0xB9000043,  # str w3, [x2]
    0x71000421,  # subs w1, w1, #1
    0x54FFFF61,  # b.ne 1b
    0x14000000,  # b .
)


EMPTY = "/dts-v1/; /plugin/; / { };"


def compiled(source: str, target: Path) -> Path:
    run("dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", target, "-", text=source)
    return target


def as_handed_over(
    tools: MachinesTools, tree: bytes, folder: Path, overlay: str = OVERLAY.read_text("utf-8")
) -> Path:
    """As the build leaves a tree on the card, and the firmware hands it over."""
    silenced = folder / "silenced.dtb"
    silenced.write_bytes(tree)
    silence(tools, silenced)
    handed_over(silenced, folder / "tree.dtb", compiled(overlay, folder / "overlay.dtbo"))
    return folder / "tree.dtb"


def at(tree: Node, path: str) -> Node:
    for name in path.strip("/").split("/"):
        tree = next(child for child in tree.children if child.name == name)
    return tree


def lines_on(tree: Node) -> list[str]:
    nodes = (chain[0] for chain in tree.chains())
    return [node.name for node in nodes if node.name.startswith("serial@") and node.is_enabled]


def test_the_overlay_turns_no_line_on_again(tools: MachinesTools, tmp_path: Path) -> None:
    base = compiled(TREE, tmp_path / "base.dtb")
    tree = as_handed_over(tools, base.read_bytes(), tmp_path)
    found = devicetree.read(tree.read_bytes())
    assert lines_on(found) == []
    assert at(found, "/chosen").texts("stdout-path") == ()
    assert at(found, RS232).texts("pinctrl-names") == ("default",)


def test_a_tree_without_the_line_of_the_plug_is_refused(
    tools: MachinesTools, tmp_path: Path
) -> None:
    tree = compiled(TREE.replace("7e201000", "7e201001"), tmp_path / "base.dtb")
    with pytest.raises(NotBuilt, match=RS232):
        silence(tools, tree)


def test_the_script_gives_linux_the_line_that_the_build_took_away() -> None:
    assert f"fdt set {RS232} status okay" in SCRIPT.read_text(encoding="utf-8")


@built_here
@pytest.mark.parametrize("name", TREES)
def test_every_boards_tree_shows_no_line(tools: MachinesTools, tmp_path: Path, name: str) -> None:
    found = devicetree.read(as_handed_over(tools, TREES[name], tmp_path).read_bytes())
    assert lines_on(found) == []
    assert at(found, "/__symbols__").texts("uart0") == (RS232,)


@built_here
@pytest.mark.timeout(180)
def test_u_boot_says_not_a_character_and_linux_has_the_line(
    tools: MachinesTools, tmp_path: Path
) -> None:
    found = started(tmp_path, as_handed_over(tools, TREES[PI_3B], tmp_path))
    assert lines_on(found) == [PLUG]
    assert not at(found, f"{RS232}/bluetooth").is_enabled


@built_here
@pytest.mark.timeout(180)
def test_it_starts_in_silence_where_the_firmware_lays_over_nothing(
    tools: MachinesTools, tmp_path: Path
) -> None:
    found = started(tmp_path, as_handed_over(tools, TREES[PI_3B], tmp_path, EMPTY))
    assert lines_on(found) == [PLUG]


def started(folder: Path, tree: Path) -> Node:
    """The tree that Linux is given, on whose two lines nobody said anything before."""
    with pi_3b(folder, tree) as (good, small):
        found = wait_for_a_tree(good)
        assert small.read_bytes() == b""
    return devicetree.read(found)


@contextmanager
def pi_3b(folder: Path, tree: Path) -> Iterator[tuple[Path, Path]]:
    """An emulated one with a card, and the files of what comes out of its two lines."""
    card = BootCard(folder)
    card.slot(2, 1, TELLS_ITS_TREE)
    u_boot = folder / "u-boot.bin"
    u_boot.write_bytes(TAKEN[0].firmware()["u-boot.bin"])
    run("mkenvimage", "-s", "0x4000", "-o", folder / "uboot.env", ENVIRONMENT)
    card.put(1, "uboot.env", (folder / "uboot.env").read_bytes())
    lines = (folder / "pl011", folder / "mini")
    command = ["qemu-system-aarch64", "-M", "raspi3b", "-display", "none", "-no-user-config"]
    command += ["-accel", "tcg,thread=single", "-kernel", str(u_boot), "-dtb", str(tree)]
    command += ["-drive", f"file={card.file},format=raw,if=sd"]
    command += [word for line in lines for word in ("-serial", f"file:{line}")]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as qemu:
        try:
            yield lines
        finally:
            qemu.kill()


def wait_for_a_tree(line: Path) -> bytes:
    """What came out of a line, which must be a device tree and nothing else."""
    said = b""
    while len(said) < 8 or len(said) < int.from_bytes(said[4:8], "big"):
        said = line.read_bytes() if line.exists() else b""
        assert said[:4] == MAGIC[: len(said)], said[:80]
        time.sleep(0.2)
    return said
