from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

CHECKOUT = Path(__file__).parents[2]


def test_the_wheel_holds_every_file_of_the_product(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(
        CHECKOUT / "appliance",
        copy / "appliance",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, copy)
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w"]
    subprocess.run([sys.executable, *build, tmp_path, copy], check=True, timeout=60)
    (wheel,) = tmp_path.glob("jembatan-*.whl")
    there = {path.relative_to(copy).as_posix() for path in copy.glob("appliance/**/*.*")}
    assert there <= set(ZipFile(wheel).namelist())
