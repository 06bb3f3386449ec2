"""Settings in force: published whole, kept, restored; bad ones change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.errors import BadSettings, NotThere
from appliance.settings import history
from appliance.settings.current import Current
from appliance.settings.load import load, settings_path

if TYPE_CHECKING:
    from pathlib import Path


def named(name: str) -> str:
    return f'[box]\nname = "{name}"\n'


def in_force(root: Path) -> str:
    return load(settings_path(root)).box.name


def test_publishing_puts_in_force_and_keeps_a_copy(tmp_path: Path) -> None:
    assert history.publish(tmp_path, named("one")) == 1
    assert history.publish(tmp_path, named("two")) == 2
    assert in_force(tmp_path) == "two"
    assert [version.number for version in history.history(tmp_path)] == [2, 1]
    assert [load(version.path).box.name for version in history.history(tmp_path)] == ["two", "one"]


def test_bad_settings_change_nothing(tmp_path: Path) -> None:
    history.publish(tmp_path, named("one"))
    with pytest.raises(BadSettings, match=r"^page: box\.nam: is not a known key"):
        history.publish(tmp_path, '[box]\nnam = "two"', "page")
    assert in_force(tmp_path) == "one"
    assert len(history.history(tmp_path)) == 1


def test_an_earlier_version_comes_back_as_a_new_one(tmp_path: Path) -> None:
    history.publish(tmp_path, named("one"))
    history.publish(tmp_path, named("two"))
    assert history.restore(tmp_path, 1) == 3
    assert in_force(tmp_path) == "one"


def test_a_version_that_never_was_cannot_come_back(tmp_path: Path) -> None:
    with pytest.raises(NotThere, match="version 7"):
        history.restore(tmp_path, 7)


def test_only_the_newest_copies_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "KEPT", 3)
    for number in range(5):
        history.publish(tmp_path, named(str(number)))
    assert [version.number for version in history.history(tmp_path)] == [5, 4, 3]


def test_a_file_is_imported_when_it_differs_from_the_last_import(tmp_path: Path) -> None:
    file = tmp_path / "card.toml"
    file.write_text(named("card"))
    assert history.import_file(tmp_path, file)
    history.publish(tmp_path, named("page"))
    assert not history.import_file(tmp_path, file)
    assert in_force(tmp_path) == "page"
    file.write_text(named("card again"))
    assert history.import_file(tmp_path, file)
    assert in_force(tmp_path) == "card again"


def test_a_bad_file_is_not_taken_for_imported(tmp_path: Path) -> None:
    file = tmp_path / "card.toml"
    file.write_text("[bx]")
    for _ in range(2):
        with pytest.raises(BadSettings, match=r"card\.toml: bx: is not a known key"):
            history.import_file(tmp_path, file)


def test_a_service_sees_a_change_without_a_restart(tmp_path: Path) -> None:
    current = Current(tmp_path)
    assert current.get().box.name == "Jembatan"
    history.publish(tmp_path, named("one"))
    assert current.get().box.name == "one"
    assert current.get() is current.get()
    assert current.problem is None


def test_the_last_good_settings_stay_when_the_file_goes_bad(tmp_path: Path) -> None:
    history.publish(tmp_path, named("one"))
    current = Current(tmp_path)
    settings_path(tmp_path).write_text("[bx]")
    assert current.get().box.name == "one"
    assert "bx" in str(current.problem)
    settings_path(tmp_path).unlink()
    assert current.get().box.name == "one"
    assert "cannot be read" in str(current.problem)
    history.publish(tmp_path, named("two"))
    assert current.get().box.name == "two"
    assert current.problem is None


def test_the_last_good_settings_survive_a_restart(tmp_path: Path) -> None:
    history.publish(tmp_path, named("one"))
    history.publish(tmp_path, named("two"))
    history.history(tmp_path)[0].path.write_text("[torn")
    settings_path(tmp_path).write_text("[bx]")
    current = Current(tmp_path)
    assert current.get().box.name == "one"
    assert current.problem is not None


def test_a_version_that_goes_while_they_are_listed_is_no_version(tmp_path: Path) -> None:
    number = history.publish(tmp_path, named("one"))
    gone = tmp_path / "etc" / "history" / "0000.toml"
    gone.symlink_to("nowhere")
    assert [version.number for version in history.history(tmp_path)] == [number]
