"""Owns lgpio for the guests: compiled here from its locked source, for their Python and machine.

There is no wheel of it for the image's Python. It is gpiozero's way to the kernel's GPIO chips.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.prove.guest_image import ARM64, PYTHON, run
from tests.prove.machine import CHECKOUT

_LOCK = CHECKOUT / "image-build" / "lock" / "python.lock"
_COMPILER = "aarch64-linux-gnu-gcc"


def lgpio_into(packages: Path, root: Path) -> None:
    """Put lgpio into a folder of Python packages; `root` has the headers of the guest's Python.

    Raises NotProved where it cannot be had or does not compile.
    """
    with TemporaryDirectory() as folder:
        source = _source(Path(folder))
        run(
            "swig",
            "-python",
            f"-I{source}",
            "-outdir",
            packages,
            "-o",
            source / "wrap.c",
            source / "lgpio.i",
        )
        headers = _headers(root / "usr" / "include", Path(folder, "include"))
        run(
            *(_COMPILER, "-shared", "-fPIC", "-O2", "-pthread", "-D_GNU_SOURCE", "-w"),
            *("-I", headers / f"python{PYTHON}", "-I", headers, "-I", source / "src"),
            *("-o", packages / "_lgpio.so", source / "wrap.c"),
            *sorted((source / "src").glob("lg*.c")),
            source / "src" / "rgpiod.c",
        )


def _headers(system: Path, target: Path) -> Path:
    """Python's headers without the C library's, which are the compiler's own."""
    for name in (f"python{PYTHON}", f"{ARM64.machine}-linux-gnu/python{PYTHON}"):
        shutil.copytree(system / name, target / name)
    return target


def _source(folder: Path) -> Path:
    """The unpacked sdist, with the hash of the lock."""
    run(
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"),
        *("--require-hashes", "--no-deps", "--no-binary=:all:", "--no-build-isolation"),
        *("--dest", folder, "-r", _LOCK),
    )
    archive = next(folder.glob("lgpio-*.tar.gz"))
    run("tar", "-C", folder, "-xf", archive)
    return folder / archive.name.removesuffix(".tar.gz")
