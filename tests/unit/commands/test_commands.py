from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from appliance import __version__
from appliance.__main__ import main
from appliance.call import Server
from appliance.errors import BadSettings, SourceMissing, WorklistFailed, WorklistNone
from appliance.journal.abilities import Way
from appliance.model import DeliveryState, ItemState
from appliance.route.stage import Routing
from appliance.settings import history
from appliance.settings.current import Current
from appliance.settings.schema import Environment
from tests.builders.identities import evidence, order, says
from tests.builders.routable import identified
from tests.builders.scenarios import OF_SITI
from tests.unit.journal.processes import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.builders.box import Box

SETTINGS = """
[[destination]]
name = "pacs"
host = "127.0.0.1"
port = 1
ae_title = "PACS"
"""


SERVED = """
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"

[[worklist]]
name = "ris"
host = "127.0.0.1"
port = 1
ae_title = "RIS"
"""


class Terminal:
    """Runs commands and keeps what they said."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys
        self.out = ""
        self.err = ""

    def __call__(self, line: str, *more: str) -> int:
        status = main([*line.split(), *more])
        self.out, self.err = self._capsys.readouterr()
        return status

    def on_box(self, line: str, *more: str) -> int:
        return self(line, *more, "--root", str(self.root))

    def json(self, line: str, *more: str) -> Any:
        self.on_box(line, *more, "--json")
        return json.loads(self.out)


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path, capsys)


def file(folder: Path, text: str = SETTINGS) -> Path:
    path = folder / "new.toml"
    path.write_text(text)
    return path


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


# --- config -----------------------------------------------------------------------------------


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


# --- queue ------------------------------------------------------------------------------------


def test_the_queue_in_words_and_for_scripts(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.HELD, "film.tif")
    assert terminal.on_box("queue list") == 0
    assert terminal.out.startswith("1  film.tif  held  Not sent, it waits for a person")
    assert terminal.json("queue list")[0]["code"] == "no-identity"


def test_an_empty_queue_is_empty(terminal: Terminal, box: Box) -> None:
    assert terminal.on_box("queue list") == 0
    assert terminal.out == ""
    assert box.journal.ledger.item_counts() == {}


def test_an_image_is_shown(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.DONE, "film.tif")
    assert terminal.on_box("queue show 1") == 0
    assert "pacs has it, it was asked." in terminal.out
    assert "PatientName = SITI" in terminal.out
    assert "confirmed" in terminal.out
    assert terminal.json("queue show 1")["history"][-1]["after"] == "done"


def test_several_are_retried_and_each_refusal_is_said(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.DONE)
    box.item(ItemState.HELD)
    document = terminal.json("queue retry 1 2 3 --by Sari")
    assert [entry["id"] for entry in document["done"]] == [2]
    assert [entry["code"] for entry in document["refused"]] == ["refused", "not-there"]
    assert len(terminal.err.splitlines()) == 2
    assert box.journal.ledger.history(2)[-1]["who"] == "Sari"


def test_who_decided_is_kept_also_when_nobody_says(terminal: Terminal, box: Box) -> None:
    box.delivery(DeliveryState.PREPARED)
    assert terminal.on_box("queue hold 1") == 0
    assert box.journal.ledger.history(1)[-1]["who"]


def test_an_image_is_discarded(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.HELD)
    assert terminal.on_box("queue discard 1 --by Sari --reason", "a test film") == 0
    assert terminal.out == "1: It is set aside and will not be sent.\n"
    assert box.journal.items.get(1).state is ItemState.IGNORED


def test_an_image_is_released(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.CONVERTED)
    box.journal.items.decide_item(1, ItemState.HELD, code="", why="", who="")
    line = "queue release 1 --by Sari --set PatientID=4712 --set PatientName=BUDI"
    assert terminal.on_box(line, "--set", "StudyDate=20260314") == 0
    identity = box.journal.items.get(1).identity
    assert identity is not None
    assert identity.values["PatientName"] == "BUDI"


def held_with_a_choice(box: Box) -> None:
    history.publish(box.paths.root, SERVED)
    box.accept("film.dcm", source="cr")
    box.convert(evidence(says(**OF_SITI)))
    claimed = box.claim(ItemState.CONVERTED)
    box.journal.items.stop(claimed, WorklistNone(who="4711", why="nobody is on it"))
    day = date(2024, 3, 14)
    box.journal.orders.learn("ris", [order(key="k1")], day, day)


def test_an_image_is_released_to_an_order_of_those_it_shows(terminal: Terminal, box: Box) -> None:
    held_with_a_choice(box)
    assert terminal.on_box("queue show 1 --json") == 0
    (candidate,) = json.loads(terminal.out)["candidates"]
    assert candidate["values"]["AccessionNumber"] == "A1"
    assert candidate["reasons"][0] == "the same patient ID"
    assert terminal.on_box(f"queue release 1 --by Sari --item {candidate['key']}") == 0
    identity = box.journal.items.get(1).identity
    assert identity is not None
    assert (identity.proof, identity.values["AccessionNumber"]) == ("person", "A1")
    assert terminal.on_box("queue show 1 --json") == 0
    assert json.loads(terminal.out)["candidates"] == []


def test_the_orders_are_shown_to_people_too(terminal: Terminal, box: Box) -> None:
    held_with_a_choice(box)
    assert terminal.on_box("queue show 1") == 0
    assert "k1" in terminal.out
    assert "4711, RAHAYU^SITI, born 1980-02-05" in terminal.out


def test_an_order_nobody_told_of_is_refused(terminal: Terminal, box: Box) -> None:
    held_with_a_choice(box)
    assert terminal.on_box("queue release 1 --by Sari --item 7") == 1
    assert "no worklist of its source has an order 7 any more" in terminal.err


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


# --- explain ----------------------------------------------------------------------------------


def test_explain_tells_the_reasons_of_the_day_and_todays_rules(
    terminal: Terminal, tmp_path: Path, box: Box
) -> None:
    item = identified(box, "CR")
    routes = '[[route]]\nwhen = { Modality = "US" }\nto = ["pacs"]\n[[route]]\nto = ["pacs"]\n'
    terminal.on_box("config import", str(file(tmp_path, f"{SETTINGS}{routes}")))
    assert Routing(box.journal).turn(Current(tmp_path).get())
    assert terminal.on_box(f"queue explain {item.id}") == 0
    assert terminal.out.splitlines()[2:] == [
        "When it was routed:",
        "  2026-03-14T09:26:53  It goes to pacs: route 2 takes every image.",
        "",
        "By today's rules:",
        "  pacs (routine): route 2 takes every image",
        "  route 1 to pacs: does not match",
        '    no   Modality is "CR", wanted is "US"',
        "  route 2 to pacs: matches",
    ]
    found = terminal.json(f"queue explain {item.id}")
    assert found["recorded"][0]["destination"] == "pacs"
    assert found["today"]["objects"][0]["goes_to"][0]["why"] == "route 2 takes every image"


def test_what_was_never_routed_has_no_reasons_yet(terminal: Terminal, box: Box) -> None:
    box.item(ItemState.ARRIVED)
    assert terminal.on_box("queue explain 1") == 0
    assert "nothing was written down" in terminal.out
    assert "The rules are not asked before it is known what it is (arrived)." in terminal.out
    assert terminal.on_box("queue explain 2") == 1


def test_of_several_objects_each_is_explained(terminal: Terminal, box: Box) -> None:
    identified(box, "CR", "OT")
    terminal.on_box("queue explain 1")
    assert "object 2:" in terminal.out
    assert "none is set up yet" in terminal.out
