"""Owns the product in the root file system: its Python environment, its code, its units."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from imagebuild import places, wheels
from imagebuild.recipe import CHECKOUT, PYTHON

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.layers import Built
    from imagebuild.tools import Tools

HOME = "opt/jembatan"
_PACKAGES = f"{HOME}/lib/python{PYTHON}/site-packages"
_NOT_SHIPPED = ("tests", "test", "__pycache__")
"""Folders inside Python packages that no service reads."""
_OF_THE_BUILD = ("RECORD", "INSTALLER", "REQUESTED")
"""Files below *.dist-info that say how a package was installed. RECORD has the hashes of programs
that are not shipped, and those bear the path of the machine's own Python."""
_COMMAND = """#!/bin/sh
# The command line on the box.
exec /opt/jembatan/bin/python -m appliance "$@"
"""
_OWN_PRESET = f"{places.UNITS.removesuffix('/system')}/system-preset/50-jembatan-units.preset"


def install(root: Path, compiler: Built) -> None:
    """Put the product into a root file system, as systemd/README.md says."""
    home, packages = root / HOME, root / _PACKAGES
    packages.mkdir(parents=True)
    (home / "bin").mkdir()
    (home / "bin" / "python").symlink_to(f"/usr/bin/python{PYTHON}")
    config = f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {PYTHON}\n"
    (home / "pyvenv.cfg").write_text(config, encoding="ascii")
    wheels.install(wheels.locked(), compiler, packages)
    shutil.rmtree(packages / "bin", ignore_errors=True)
    prune(packages)
    shutil.copytree(
        CHECKOUT / "appliance",
        packages / "appliance",
        ignore=shutil.ignore_patterns("__pycache__"),
        symlinks=False,
    )
    open_to_all(home)
    (root / "usr/bin/jembatan").write_text(_COMMAND, encoding="ascii")
    (root / "usr/bin/jembatan").chmod(0o755)
    places.install(root)
    places.lay_over(root)
    (root / _OWN_PRESET).write_text(own_preset(), encoding="ascii")


def prune(packages: Path) -> None:
    """Take away what Python packages carry for their own developers, and what pip notes of the
    machine that it ran on.
    """
    for name in _NOT_SHIPPED:
        for folder in sorted(packages.rglob(name)):
            if folder.is_dir():
                shutil.rmtree(folder)
    for name in _OF_THE_BUILD:
        for file in packages.glob(f"*.dist-info/{name}"):
            file.unlink()


def open_to_all(folder: Path) -> None:
    """Give a folder and what is in it the modes that every service can read, whatever the checkout
    or pip had: 0755 for folders and programs, 0644 for the rest.
    """
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            is_program = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if is_program else 0o644)


def own_preset() -> str:
    """Which of the product's units start by themselves, in systemd's words."""
    return "".join(f"enable {unit}\n" for unit in places.units())


def compile_python(tools: Tools, root: Path) -> None:
    """Byte code for all Python in it, which no file's date makes stale: the box cannot write it.

    It is the same on every architecture.
    """
    for path in root.rglob("__pycache__"):
        shutil.rmtree(path)
    seen = tools.see(root)
    below = (f"usr/lib/python{PYTHON}", "usr/lib/python3", f"{HOME}/lib", "usr/share")
    tools.run(
        *(
            "sh",
            "-c",
            '"$@" || true',
            "sh",
        ),  # what is no Python of this version stays as it is
        *(
            "python3",
            "-m",
            "compileall",
            "-q",
            "-s",
            seen,
            "--invalidation-mode",
            "unchecked-hash",
        ),
        *(root / path for path in below),
        env={"PYTHONHASHSEED": "0"},
    )
