from __future__ import annotations

from datetime import UTC, datetime

import pytest
from imagebuild.errors import LockUnreadable, NotAsLocked, NotLocked
from imagebuild.lock import Deb, Lock, load, parse, render, renewed, require_installed
from imagebuild.locks import FOLDER, changes, image_file, tools_file
from imagebuild.recipe import COMPILER, PARTS, TOOLS, Recipe

SHA = "0123456789abcdef" * 4
BASH = Deb("bash", "5.2-2+b1", "arm64", 1456340, SHA, "debian/pool/main/b/bash/bash_1_arm64.deb")
TZDATA = Deb("tzdata", "1:2026f", "all", 2, SHA, "debian-security/pool/updates/main/t/t_all.deb")
MADE = datetime(2026, 11, 21, 14, 5, 11, tzinfo=UTC)
LOCK = Lock(MADE, {"base": (BASH,), "links": (TZDATA,)})


def test_a_lock_reads_back_as_it_was_written() -> None:
    assert parse(render(LOCK), "a.lock") == LOCK


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("bash 1 arm64 5", "six fields"),
        (f"bash 1 arm64 many {SHA} debian/pool/b.deb", "invalid literal"),
        ("bash 1 arm64 5 abc debian/pool/b.deb", "no SHA-256"),
        (f"bash 1 arm64 5 {SHA} http://elsewhere/b.deb", "no path of a Debian archive"),
        (f"bash 1 arm64 5 {SHA} debian/pool/../../b.deb", "no path of a Debian archive"),
        ("[base]", "a second layer"),
    ],
)
def test_a_damaged_line_is_named(line: str, why: str) -> None:
    with pytest.raises(LockUnreadable, match=f"line 4: .*{why}"):
        parse(f"made 2026-11-21T14:05:11Z\n\n[base]\n{line}\n", "a.lock")


def test_a_package_outside_of_a_layer_and_a_lock_without_a_moment_are_refused() -> None:
    with pytest.raises(LockUnreadable, match="outside of a layer"):
        parse(f"made 2026-11-21T14:05:11Z\n{BASH}\n", "a.lock")
    with pytest.raises(LockUnreadable, match="when it was made"):
        parse(f"[base]\n{BASH}\n", "a.lock")


def test_what_is_installed_must_be_what_is_locked_and_nothing_else() -> None:
    require_installed(["bash 5.2-2+b1 arm64", "tzdata 1:2026f all"], LOCK.debs)
    with pytest.raises(NotAsLocked, match=r"unlocked: perl 5 arm64; missing: bash 5.2-2"):
        require_installed(["perl 5 arm64", "tzdata 1:2026f all"], LOCK.debs)


def test_a_layer_that_is_not_locked_is_said_with_what_to_do() -> None:
    with pytest.raises(NotLocked, match="the layer more is not in the lock") as caught:
        LOCK.layer("more", FOLDER / "a.lock")
    assert "relock" in caught.value.hint


def test_renewing_changes_nothing_where_debian_has_nothing_new() -> None:
    later = Lock(datetime(2027, 1, 1, tzinfo=UTC), LOCK.layers)
    assert renewed(LOCK, later) is LOCK
    newer = Lock(later.made, {"base": (BASH,)})
    assert renewed(LOCK, newer) is newer
    assert changes(LOCK, newer) == ["- tzdata 1:2026f"]
    assert changes(newer, LOCK) == ["+ tzdata 1:2026f"]


def test_the_shipped_locks_have_all_that_the_recipe_asks_for() -> None:
    recipe = Recipe.load()
    image = load(image_file(recipe))
    names = {deb.name for deb in image.debs}
    assert list(image.layers) == [*(layer.name for layer in recipe.layers), COMPILER, PARTS]
    for layer in (*recipe.layers, recipe.compiler):
        assert set(layer.packages) <= names
    for machine in ("amd64", "arm64"):
        tools = load(tools_file(machine))
        assert set(recipe.tools.packages) <= {deb.name for deb in tools.layers[TOOLS]}


def test_no_package_is_in_two_layers_of_the_box() -> None:
    recipe = Recipe.load()
    image = load(image_file(recipe))
    debs = [deb.name for layer in recipe.layers for deb in image.layers[layer.name]]
    assert len(debs) == len(set(debs))
