"""What a layer's installation leaves behind of the machine it was made on."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from imagebuild.layers import LEAVE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("shelf", "left"),
    [
        ("work/clone/shelf", ["home", "var"]),
        ("home/someone/shelf", ["home", "var"]),
        ("var/tmp/shelf", ["home", "var", "var/tmp"]),
    ],
)
def test_only_folders_that_debian_does_not_have_go(
    tmp_path: Path, shelf: str, left: list[str]
) -> None:
    owned = tmp_path / "var/lib/dpkg/info/base-files.list"
    owned.parent.mkdir(parents=True)
    owned.write_text("/.\n/home\n/var\n/var/tmp\n")
    (tmp_path / "home").mkdir()
    sources = tmp_path / "etc/apt/sources.list"
    sources.parent.mkdir(parents=True)
    sources.write_text(f"deb [trusted=yes] file:///{shelf} ./\n")
    (tmp_path / shelf).mkdir(parents=True)
    subprocess.run(
        ["sh", "-ec", LEAVE, "sh", tmp_path], env={"SHELF": shelf, "PATH": "/bin"}, check=True
    )
    assert not sources.exists()
    there = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_dir()}
    assert sorted(path for path in there if not path.startswith(("var/lib", "etc"))) == left
