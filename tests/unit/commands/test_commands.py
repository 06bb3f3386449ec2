"""What every command has in common, and those that tell how the box is doing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from appliance import __version__
from appliance.__main__ import main
from appliance.errors import SourceMissing, WorklistFailed
from appliance.journal.abilities import Way
from appliance.model import ItemState
from tests.builders.terminal import SETTINGS, Terminal, file
from tests.unit.journal.processes import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.box import Box


# --- usage ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "",
        "dance",
        "queue",
        "queue release 1",
        "queue release 1 --by Sari --set PatientID",
        "queue release 1 --by Sari --item A --set PatientID=1",
        "queue discard 1",
        "queue discard 1 2 --reason x",
        "queue show film.tif",
        "send film.dcm",
        "send film.dcm --to P@h:1 --associations 0",
        "doctor",
        "doctor pacs --to PACS@pacs:104",
        "convert film.tif",
        "config restore first",
    ],
)
def test_wrong_usage_is_2_and_says_how(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: jembatan")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"jembatan {__version__}\n"


# --- trouble ----------------------------------------------------------------------------------


def test_trouble_is_a_sentence_and_a_hint(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.DONE, "film.tif")
    assert terminal.on_box("queue retry 1") == 1
    assert terminal.out == ""
    assert terminal.err == (
        "Retrying film.tif (item 1) was refused: every destination has it already.\n"
    )


def test_a_box_that_never_ran_is_no_journal(terminal: Terminal) -> None:
    assert terminal.on_box("journal verify") == 1
    assert terminal.err.startswith(f"There is no journal in {terminal.root}")
    assert list(terminal.root.iterdir()) == []


def test_a_path_that_cannot_be_is_a_sentence(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal("config export", str(file(tmp_path) / "below.toml"), "--root", "/x") == 1
    assert terminal.err == f"{tmp_path / 'new.toml'}: File exists\n"


def test_a_reader_that_went_away_is_no_trouble() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "appliance", "status", "--root", "/nowhere"]
    done = subprocess.run(
        command, cwd=CHECKOUT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


# --- which box --------------------------------------------------------------------------------


def test_the_box_is_the_one_named_in_the_environment(
    terminal: Terminal, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.item(ItemState.DONE)
    monkeypatch.setenv("JEMBATAN_ROOT", str(box.paths.root))
    assert terminal("status --json") == 0
    assert json.loads(terminal.out)["items"] == {"done": 1}


def test_only_what_a_command_needs_is_imported() -> None:
    script = (
        "import sys; from appliance.__main__ import main\n"
        "try: main(['send', '/nowhere', '--to', 'P@127.0.0.1:1'])\n"
        "finally: print(*(m for m in sys.modules))"
    )
    unmeasured = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=unmeasured, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded & {
        "sqlite3", "flask", "numpy", "pydicom", "pynetdicom", "prometheus_client", "tomlkit",
        "appliance.journal.journal", "appliance.status.snapshot",
    } == set()  # fmt: skip


# --- status -----------------------------------------------------------------------------------


def test_status_of_a_new_box(terminal: Terminal) -> None:
    assert terminal.on_box("status") == 0
    assert "idle: everything that came was delivered" in terminal.out
    assert list(terminal.root.iterdir()) == []


def test_status_in_words(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.HELD, "film.tif")
    (box.paths.etc).mkdir()
    (box.paths.etc / "jembatan.toml").write_text(SETTINGS)
    assert terminal.on_box("status") == 0
    for words in ("needs a person", "1 held", "film.tif", "no-identity", "pacs  new  0 waiting"):
        assert words in terminal.out


def test_status_for_scripts(terminal: Terminal, box: Box) -> None:
    box.one_of_each()
    document = terminal.json("status")
    assert document["items"] == {state.value: 1 for state in ItemState}
    assert document["version"] == __version__


def test_status_says_how_links_are_doing_and_what_to_do(terminal: Terminal, box: Box) -> None:
    (box.paths.etc).mkdir()
    (box.paths.etc / "jembatan.toml").write_text(
        '[[source]]\nname = "us"\nkind = "share"\nhosted = true\nsmb1 = true\n'
        'hosts = ["10.0.0.7"]\n'
        '[[source]]\nname = "stick"\nkind = "stick"\n'
    )
    gone = SourceMissing(path="/srv/us")
    box.journal.custody.set_place("source", "us", "missing", gone)
    box.journal.custody.set_place("source", "stick", "reading")
    assert terminal.on_box("status") == 0
    for words in (
        "[○ ○ ◐]  do not pull", "us     missing", "stick  reading", f"-> us: {gone.hint}",
        "Note: us uses SMB1",
    ):  # fmt: skip
        assert words in terminal.out


def test_status_says_how_a_destination_proves_what_it_has(terminal: Terminal, box: Box) -> None:
    (box.paths.etc).mkdir()
    (box.paths.etc / "jembatan.toml").write_text(SETTINGS)
    box.journal.custody.set_place("destination", "pacs", "up", ok=True)
    box.clock.is_set(datetime.now(UTC))
    box.journal.abilities.learn("pacs", Way.COMMITMENT, "it", works=True)
    assert terminal.on_box("status") == 0
    assert "It takes what is sent to it. Confirmed by storage commitment" in terminal.out


def test_status_says_how_worklists_are_doing(terminal: Terminal, box: Box) -> None:
    (box.paths.etc).mkdir()
    (box.paths.etc / "jembatan.toml").write_text(
        '[[worklist]]\nname = "ris"\nhost = "h"\nport = 1\nae_title = "RIS"\n'
    )
    assert terminal.on_box("status") == 0
    assert "ris  new  0 orders  told never  It has not been asked yet." in terminal.out
    box.journal.custody.set_place("worklist", "ris", "failed", WorklistFailed(peer="RIS", why="x"))
    assert terminal.on_box("status") == 0
    assert "RIS could not say which exams are ordered: x." in terminal.out
    assert f"-> ris: {WorklistFailed.hint}" in terminal.out


def test_status_says_that_settings_were_refused(terminal: Terminal, box: Box) -> None:
    (box.paths.etc).mkdir()
    (box.paths.etc / "jembatan.toml").write_text("[box]\nnane = 'x'\n")
    assert terminal.on_box("status") == 0
    assert "jembatan.toml: box.nane: is not a known key" in terminal.err
    assert terminal.json("status")["settings_problems"][0]["code"] == "bad-settings"


# --- journal ----------------------------------------------------------------------------------


def test_the_journal_is_verified(terminal: Terminal, box: Box) -> None:
    item = box.accept()
    assert terminal.on_box("journal verify") == 0
    assert terminal.json("journal verify") == {"ok": True, "faults": []}
    box.journal.spool.path(item.sha256).unlink()
    assert terminal.on_box("journal verify") == 1
    assert terminal.out == f"{item.sha256}: the journal needs these bytes and they are gone\n"


def test_the_journal_is_compacted(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.DONE)
    assert terminal.on_box("journal compact") == 0
    assert terminal.json("journal verify")["ok"]


# --- the network ------------------------------------------------------------------------------


@pytest.mark.network
def test_the_doctor_in_words_and_for_scripts(terminal: Terminal, tmp_path: Path) -> None:
    terminal.on_box("config import", str(file(tmp_path)))
    assert terminal.on_box("doctor pacs") == 1
    assert "NO  connection: 127.0.0.1 listens on port 1" in terminal.out
    assert terminal.json("doctor --to PACS@127.0.0.1:1")["code"] == "port-closed"
    assert terminal.on_box("doctor elsewhere") == 1
    assert terminal.err == "There is no destination elsewhere in the settings.\n"


@pytest.mark.network
def test_sending_says_what_was_not_taken(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear PACS")
    assert terminal("send", str(tmp_path), "--to", "PACS@127.0.0.1:1", "--json") == 1
    assert json.loads(terminal.out)["failed"] == 1
    assert terminal.err.startswith(str(tmp_path / "letter.txt"))


def test_the_benchmark_is_part_of_the_sources(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.commands.run.checkout", lambda: None)
    assert terminal("bench") == 1
    assert "run ./dev bench in a checkout" in terminal.err
