"""`jembatan config`: settings checked, imported, promoted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.call import Server
from appliance.errors import BadSettings
from appliance.settings.current import Current
from appliance.settings.schema import Environment
from tests.builders.terminal import SERVED, SETTINGS, Terminal, file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def test_a_good_file_is_said_to_be_good(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal("config check", str(file(tmp_path))) == 0
    assert terminal.out == "new.toml: nothing is wrong with it\n"


def test_every_fault_of_a_file_is_a_line(terminal: Terminal, tmp_path: Path) -> None:
    bad = file(tmp_path, SETTINGS.replace("port = 1", "port = 0\nhots = 'x'"))
    assert terminal("config check", str(bad)) == 1
    lines = terminal.err.splitlines()
    assert len([line for line in lines if line.startswith("new.toml: destination.pacs.")]) == 2


def test_settings_are_imported_shown_exported_and_restored(
    terminal: Terminal, tmp_path: Path
) -> None:
    assert terminal.on_box("config import", str(file(tmp_path))) == 0
    assert terminal.on_box("config import", str(file(tmp_path, "[box]\nname = 'two'\n"))) == 0
    assert terminal.on_box("config show") == 0
    assert terminal.out == "[box]\nname = 'two'\n"
    assert [version["number"] for version in terminal.json("config history")] == [2, 1]
    assert terminal.on_box("config restore 1") == 0
    assert terminal.on_box("config export", str(tmp_path / "out.toml")) == 0
    assert (tmp_path / "out.toml").read_text() == SETTINGS
    assert terminal.on_box("config restore 9") == 1
    assert terminal.err == "There is no version 9 of the settings.\n"


def test_bad_settings_are_not_imported(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.on_box("config import", str(file(tmp_path, "[bax]\n"))) == 1
    assert terminal.err.startswith("new.toml: bax: is not a known key")
    assert terminal.json("config history") == []


def test_promoting_says_what_is_so_now_and_keeps_what_was(
    terminal: Terminal, tmp_path: Path
) -> None:
    tests = SETTINGS + 'environment = "test"\n'
    terminal.on_box("config import", str(file(tmp_path, tests)))
    assert terminal.on_box("config promote pacs") == 0
    assert "pacs is for real patients now." in terminal.out
    assert terminal.on_box("config promote pacs") == 1
    assert terminal.err == "Promoting pacs was refused: it is for real patients already.\n"
    assert [version["number"] for version in terminal.json("config history")] == [2, 1]


def test_a_promoted_destination_does_not_go_back_to_tests(
    terminal: Terminal, tmp_path: Path
) -> None:
    tests = file(tmp_path, SETTINGS + 'environment = "test"\n')
    terminal.on_box("config import", str(tests))
    terminal.on_box("config promote pacs")
    for words in (("config restore 1",), ("config import", str(tests))):
        assert terminal.on_box(*words) == 1
        assert terminal.err.startswith("The destination pacs was for real patients")
        assert "Add one of another name for tests" in terminal.err
    assert Current(tmp_path).get().destinations[0].environment is Environment.PRODUCTION


def test_the_real_ones_may_be_elsewhere(terminal: Terminal, tmp_path: Path) -> None:
    served = SERVED + 'environment = "test"\nsources = ["cr"]\n'
    tests = f'{SETTINGS}environment = "test"\n{served}'
    terminal.on_box("config import", str(file(tmp_path, tests)))
    assert terminal.on_box("config promote pacs --orders-at us=RIS@ris:104") == 1
    assert terminal.err == "An address of us was refused: it is not promoted along.\n"
    places = "--to JIVEX@10.0.0.1:104 --orders-at ris=HIS@10.0.0.2:105"
    assert terminal.on_box(f"config promote pacs {places}") == 0
    settings = Current(tmp_path).get()
    (pacs,), (ris,) = settings.destinations, settings.worklists
    assert (pacs.ae_title, pacs.host, pacs.port) == ("JIVEX", "10.0.0.1", 104)
    assert (ris.ae_title, ris.host, ris.port) == ("HIS", "10.0.0.2", 105)
    assert pacs.environment is ris.environment is Environment.PRODUCTION


def test_keeper_writes_the_settings_where_it_runs(terminal: Terminal, tmp_path: Path) -> None:
    said: list[str] = []

    def settings(request: Mapping[str, object]) -> Mapping[str, object]:
        said.append(str(request["toml"]))
        if len(said) > 1:
            raise BadSettings(faults="jembatan.toml: box: no")
        return {}

    (tmp_path / "run").mkdir()
    keeper = Server(tmp_path / "run" / "keeper.sock", {"settings": settings})
    keeper.start()
    assert terminal.on_box("config import", str(file(tmp_path))) == 0
    assert terminal.on_box("config import", str(file(tmp_path))) == 1
    assert terminal.err.startswith("jembatan.toml: box: no\n")
    keeper.close()
    assert said == [SETTINGS] * 2
    assert not (tmp_path / "etc" / "jembatan.toml").exists()
