from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from imagebuild.errors import RecipeUnclear
from imagebuild.foreign import serves
from imagebuild.recipe import HERE, Recipe

if TYPE_CHECKING:
    from pathlib import Path


def test_the_shipped_recipe_is_read_and_its_first_layer_can_start_a_machine() -> None:
    recipe = Recipe.load()
    assert "systemd-sysv" in recipe.layers[0].packages
    assert recipe.architecture == "arm64"


def test_what_the_power_is_held_by_is_in_the_initial_ram_disk() -> None:
    overlay = (HERE.parent / "hw" / "overlays" / "jembatan.dts").read_text(encoding="utf-8")
    assert 'compatible = "gpio-leds"' in overlay
    assert "leds-gpio" in Recipe.load().modules.early


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('suite = "trixie"', "", "suite: a text is expected"),
        ("root_mb = 480", 'root_mb = "480"', "limits.root_mb: a number is expected"),
        ('suite = "trixie"', 'suite = "trixie"\nsuit = 1', "suit: nothing of this name is known"),
        ('name = "links"', "nam = 1", "layer\\[3\\].name: a text is expected"),
    ],
)
def test_a_key_that_is_wrong_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (HERE / "recipe.toml").read_text()
    assert old in text
    (tmp_path / "recipe.toml").write_text(text.replace(old, new))
    with pytest.raises(RecipeUnclear, match=said):
        Recipe.load(tmp_path / "recipe.toml")


ENTRY = """enabled
interpreter /usr/bin/qemu-aarch64-static
flags: {flags}
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""


def test_an_entry_of_the_kernel_serves_only_where_it_holds_in_every_root_directory() -> None:
    assert serves(ENTRY.format(flags="POCF"))
    assert not serves(ENTRY.format(flags="POC"))
    assert not serves(ENTRY.format(flags="F").replace("enabled", "disabled"))
    assert not serves(ENTRY.format(flags="F").replace("b700", "f300"))
