"""What was for real patients does not become one for tests, however the settings are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.errors import BackToTests
from appliance.settings import history
from appliance.settings.load import load, settings_path

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("destination", "worklist")


def called(kind: str, name: str, purpose: str = "") -> str:
    said = f'environment = "{purpose}"\n' if purpose else ""
    return f'[[{kind}]]\nname = "{name}"\nhost = "a"\nport = 1\nae_title = "A"\n{said}'


def real(kind: str, name: str) -> str:
    return called(kind, name)


def trial(kind: str, name: str) -> str:
    return called(kind, name, "test")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_for_real_patients_is_not_made_one_for_tests(tmp_path: Path, kind: str) -> None:
    history.publish(tmp_path, real(kind, "one"))
    with pytest.raises(BackToTests, match=rf"^The {kind} one was for real patients"):
        history.publish(tmp_path, trial(kind, "one"))
    assert settings_path(tmp_path).read_text() == real(kind, "one")
    assert len(history.history(tmp_path)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_nor_once_it_was_removed(tmp_path: Path, kind: str) -> None:
    """What waited for it is still here, and would go to whatever has its name."""
    for text in (real(kind, "one"), "", real(kind, "two"), ""):
        history.publish(tmp_path, text)
    with pytest.raises(BackToTests):
        history.publish(tmp_path, trial(kind, "one"))
    assert history.publish(tmp_path, real(kind, "one")) == 5


def test_nor_by_an_earlier_version_from_before_it_was_promoted(tmp_path: Path) -> None:
    history.publish(tmp_path, trial("destination", "pacs"))
    history.publish(tmp_path, real("destination", "pacs"))
    with pytest.raises(BackToTests):
        history.restore(tmp_path, 1)
    assert load(settings_path(tmp_path)).destinations[0].environment == "production"


def test_nor_by_an_imported_file_which_stays_to_be_imported(tmp_path: Path) -> None:
    history.publish(tmp_path, real("destination", "pacs"))
    file = tmp_path / "card.toml"
    file.write_text(trial("destination", "pacs"))
    for _ in range(2):
        with pytest.raises(BackToTests):
            history.import_file(tmp_path, file)


def test_another_name_is_for_tests_from_the_first(tmp_path: Path) -> None:
    """So does he who chose wrongly at the start: another is added, and the wrong one removed."""
    wrong, right = real("destination", "pacs"), trial("destination", "practice")
    for text in (wrong, wrong + right, right, trial("worklist", "pacs") + right):
        history.publish(tmp_path, text)
    assert history.publish(tmp_path, right) == 5


def test_a_version_that_can_no_longer_be_read_keeps_nobody_from_saving(tmp_path: Path) -> None:
    history.publish(tmp_path, real("destination", "pacs"))
    for torn in (b"[torn", b"\xff"):
        history.publish(tmp_path, "")
        history.history(tmp_path)[0].path.write_bytes(torn)
        settings_path(tmp_path).write_bytes(torn)
    history.publish(tmp_path, trial("destination", "practice"))
    with pytest.raises(BackToTests):
        history.publish(tmp_path, trial("destination", "pacs"))
