from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from imagebuild import __main__ as command
from imagebuild.product import open_to_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def _careful() -> Iterator[None]:
    """Somebody whose files nobody else may read."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_careful")
def test_what_a_build_makes_can_be_read_by_all_whoever_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(*_: object) -> int:
        (tmp_path / "made").mkdir()
        (tmp_path / "made" / "file").touch()
        return 0

    monkeypatch.setattr(command, "_act", act)
    assert command.main(["check"]) == 0
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "made" / "file").stat().st_mode & 0o777 == 0o644


def test_a_checkouts_own_modes_do_not_reach_the_box(tmp_path: Path) -> None:
    for name, mode in (("a.py", 0o600), ("b.py", 0o664), ("run", 0o700)):
        (tmp_path / "home/code").mkdir(parents=True, exist_ok=True)
        (tmp_path / "home/code" / name).touch()
        (tmp_path / "home/code" / name).chmod(mode)
    (tmp_path / "home/python").symlink_to("/usr/bin/nothing")
    (tmp_path / "home/code").chmod(0o2775)
    (tmp_path / "home").chmod(0o700)
    open_to_all(tmp_path / "home")
    code = tmp_path / "home/code"
    modes = {name: (code / name).stat().st_mode & 0o7777 for name in ("a.py", "b.py", "run")}
    assert modes == {"a.py": 0o644, "b.py": 0o644, "run": 0o755}
    assert (tmp_path / "home").stat().st_mode & 0o7777 == 0o755
    assert code.stat().st_mode & 0o7777 == 0o755
