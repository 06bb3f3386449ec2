from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from imagebuild import cache

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cache, "CACHE", tmp_path / "cache")


def test_a_name_depends_on_every_part_and_on_where_one_ends() -> None:
    assert cache.key(["a", "b"]) == cache.key(["a", "b"])
    assert (
        len({cache.key(parts) for parts in (["a", "b"], ["ab"], ["a", "", "b"], ["b", "a"])}) == 4
    )


def test_a_folder_is_named_by_its_content_and_not_by_its_times(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b"
    file.parent.mkdir()
    file.write_text("x")
    before = cache.tree_key(tmp_path / "a")
    os.utime(file, (1, 1))
    assert cache.tree_key(tmp_path / "a") == before
    file.chmod(0o755)
    executable = cache.tree_key(tmp_path / "a")
    file.write_text("y")
    assert len({before, executable, cache.tree_key(tmp_path / "a")}) == 3


def test_a_folder_is_named_by_what_its_links_lead_to_but_for_another_machines(
    tmp_path: Path,
) -> None:
    folder, outside = tmp_path / "a", tmp_path / "b"
    folder.mkdir()
    (folder / "link").symlink_to("../b")
    (folder / "absolute").symlink_to(tmp_path / "c")
    names = []
    for name in ("b", "c"):
        outside.write_text("x")
        (tmp_path / "c").write_text("x")
        before = cache.tree_key(folder)
        (tmp_path / name).write_text("y")
        names.append(cache.tree_key(folder) != before)
    assert names == [True, False]


def test_a_thing_is_made_once() -> None:
    made: list[Path] = []

    def make(place: Path) -> None:
        made.append(place)
        place.write_text("content")

    assert cache.kept("layer", "one", make) == cache.kept("layer", "one", make)
    assert len(made) == 1


def test_what_was_not_finished_is_not_there(tmp_path: Path) -> None:
    def fail(place: Path) -> None:
        place.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        cache.kept("layer", "one", fail)
    assert not list((tmp_path / "cache" / "layer").iterdir())


def test_the_oldest_of_a_kind_go(tmp_path: Path) -> None:
    for number, name in enumerate("abcd"):
        found = cache.kept("layer", name, lambda place: place.mkdir())
        os.utime(found, (number, number))
    found = cache.kept("layer", "e", lambda place: place.mkdir())
    left = {path.name for path in (tmp_path / "cache" / "layer").iterdir()}
    assert left == {"c.made", "d.made", "e.made"}
