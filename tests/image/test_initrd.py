from __future__ import annotations

import subprocess

from imagebuild.initrd import pack
from imagebuild.recipe import HERE

MODULES = [("mmc_core.ko", b"\x7fELF one"), ("mmc_block.ko", b"\x7fELF other")]


def test_the_kernels_own_format_is_written_as_cpio_reads_it() -> None:
    packed = pack("#!/bin/busybox sh\n", b"\x7fELF", MODULES)
    listed = subprocess.run(
        ["cpio", "--list", "--quiet"], input=packed, capture_output=True, check=True
    )
    names = listed.stdout.decode().split()
    assert {"init", "bin/busybox", "lib/order", "lib/mmc_core.ko", "root", "dev"} <= set(names)
    read = subprocess.run(
        ["cpio", "--extract", "--to-stdout", "--quiet", "lib/order"],
        input=packed,
        capture_output=True,
        check=True,
    )
    assert read.stdout == b"mmc_core.ko\nmmc_block.ko\n"


def test_the_same_content_is_the_same_bytes() -> None:
    assert pack("init", b"b", MODULES) == pack("init", b"b", list(MODULES))
    assert pack("init", b"b", MODULES) != pack("init", b"b", MODULES[::-1])


def test_the_script_is_one_that_a_shell_reads() -> None:
    subprocess.run(["sh", "-n", HERE / "initrd" / "init"], check=True)
