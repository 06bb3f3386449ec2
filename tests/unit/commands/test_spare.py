"""`jembatan spare` with a folder, and by a steward; `jembatan support`."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from appliance.__main__ import main
from appliance.box.engaged import Engaged
from appliance.box.errand import Errand
from appliance.call import Server
from appliance.errors import Refused
from appliance.journal.charge import Charge
from appliance.model import ItemState
from tests.builders.box import Box
from tests.builders.spares import Room, room

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORDS = "five words make one pass"


@pytest.fixture
def here(tmp_path: Path) -> Room:
    return room(tmp_path / "room")


@pytest.fixture
def words(tmp_path: Path) -> str:
    (tmp_path / "words").write_text(f"{WORDS}\n")
    return str(tmp_path / "words")


def jembatan(here: Room, box: str, *arguments: str) -> int:
    return main([*arguments, "--root", str(here.top / box)])


def test_a_box_goes_over_a_folder(
    here: Room, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stick = str(here.top / "stick")
    assert jembatan(here, "old", "spare", "export", stick, "--passphrase", words) == 0
    assert f"Passphrase: {WORDS}" in capsys.readouterr().out
    assert here.state("old") is Charge.LEFT
    assert jembatan(here, "spare", "spare", "status", stick, "--json") == 0
    now = json.loads(capsys.readouterr().out)
    assert now["standing"]["state"] == "here"
    assert now["sticks"]["handover"]["word"] == "released"
    assert jembatan(here, "spare", "spare", "import", stick, "--passphrase", words) == 0
    assert "in its place" in capsys.readouterr().out
    assert set(here.items("spare").values()) == set(map(str, ItemState))
    assert jembatan(here, "old", "spare", "back", stick) == 1
    assert "Another spare box" in capsys.readouterr().err
    assert jembatan(here, "old", "spare", "finish", stick) == 0


def test_the_old_box_says_what_did_not_go_along(
    here: Room, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with here.journal("old") as journal:
        journal.spool.path(journal.charge.unfinished_bytes()[0]).unlink()
    arguments = ("spare", "export", str(here.top / "stick"), "--passphrase", words)
    assert jembatan(here, "old", *arguments) == 0
    capsys.readouterr()
    assert jembatan(here, "old", "spare", "status") == 0
    assert "1 file(s) could not be read from the card" in capsys.readouterr().out


def test_both_boxes_say_which_drive_did_not_come_along(
    here: Room, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    image = here.machine("old").paths.drives / "us" / "000001.img"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"films")
    stick = str(here.top / "stick")
    for box, verb in (("old", "export"), ("spare", "import")):
        assert jembatan(here, box, "spare", verb, stick, "--passphrase", words) == 0
        said = capsys.readouterr().out
        assert "Not everything on the drive us" in said
        assert "export it again at the spare" in said


def test_a_passphrase_is_made_up_where_none_is_given(
    here: Room, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert jembatan(here, "old", "spare", "export", str(here.top / "stick")) == 0
    line = capsys.readouterr().out.splitlines()[0]
    (tmp_path / "made up").write_text(line.removeprefix("Passphrase: "))
    arguments = ("spare", "import", str(here.top / "stick"), "--passphrase")
    assert jembatan(here, "spare", *arguments, str(tmp_path / "made up")) == 0


def test_the_old_box_goes_on_with_its_stick_or_on_somebodys_word(here: Room, words: str) -> None:
    stick = str(here.top / "stick")
    for how in ([stick], ["--vouch"]):
        assert jembatan(here, "old", "spare", "export", stick, "--passphrase", words) == 0
        assert jembatan(here, "old", "spare", "back", *how) == 0
        assert here.works("old")


def test_a_backup_and_back(here: Room, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    stick = str(here.top / "stick")
    assert jembatan(here, "old", "spare", "backup", stick, "--passphrase", words) == 0
    assert "not yet proved" in capsys.readouterr().out
    again = ("spare", "import", stick, "--backup", "--passphrase", words)
    assert jembatan(here, "spare", *again) == 1
    assert "does not run any more" in capsys.readouterr().err
    assert jembatan(here, "spare", *again, "--old-is-off") == 0
    assert here.works("spare")


def test_of_two_boxes_backups_one_is_named(
    here: Room, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stick = str(here.top / "stick")
    shutil.copytree(here.top / "old", here.top / "other")
    numbers = {}
    for name in ("old", "other"):
        assert jembatan(here, name, "spare", "backup", stick, "--passphrase", words, "--json") == 0
        numbers[name] = json.loads(capsys.readouterr().out)["move"]
    assert jembatan(here, "spare", "spare", "status", stick) == 0
    listed = capsys.readouterr().out
    assert all(number in listed for number in numbers.values())
    again = ("spare", "import", stick, "--backup", "--old-is-off", "--passphrase", words)
    assert jembatan(here, "spare", *again) == 1
    assert numbers["other"] in capsys.readouterr().err
    assert jembatan(here, "spare", *again, "--which", numbers["old"]) == 0
    assert "Taken: the backup of" in capsys.readouterr().out
    assert here.works("spare")


def test_a_folder_that_is_not_there_is_not_made_up(
    here: Room, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = str(here.top / "nowhere")
    assert jembatan(here, "old", "spare", "export", nowhere, "--passphrase", words) == 1
    assert "is no folder" in capsys.readouterr().err
    assert here.works("old")


@pytest.fixture
def steward(here: Room) -> Iterator[dict[str, Any]]:
    """One that does what it is told to: each operation, and what becomes of it."""
    errand = Errand(Engaged())
    does: dict[str, Any] = {}

    def act(request: dict[str, Any]) -> dict[str, Any]:
        if request["op"] == "backup-now":
            return {"begun": False}
        errand.start("export", lambda: does[str(request["op"])](request))
        return {"begun": True, "errand": "export"}

    def look(_: object) -> dict[str, Any]:
        errand.join()
        return {"errand": does.get("said") or errand.said()}

    verbs = ("export", "import", "finish", "back")
    operations = dict.fromkeys(("backup-now", *(f"spare-{verb}" for verb in verbs)), act)
    socket = here.machine("old").paths.run / "steward.sock"
    does["restarts"] = []
    operations["restart"] = lambda request: does["restarts"].append(request) or {}
    server = Server(socket, {**operations, "spare-look": look})  # type: ignore[dict-item]
    server.start()
    yield does
    server.close()


def test_without_a_folder_the_steward_does_it(
    here: Room, words: str, steward: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    steward["spare-export"] = lambda request: {"unsent": len(request["passphrase"].split())}
    assert jembatan(here, "old", "spare", "export", "--passphrase", words) == 0
    assert "5 files" in capsys.readouterr().out
    steward["spare-import"] = lambda request: {"purpose": request["purpose"]}
    assert jembatan(here, "old", "spare", "import", "--json", "--passphrase", words) == 0
    assert json.loads(capsys.readouterr().out) == {"purpose": "handover"}
    steward["spare-back"] = lambda request: {"vouched": request["vouched"]}
    assert jembatan(here, "old", "spare", "back", "--vouch") == 0
    capsys.readouterr()
    assert jembatan(here, "old", "spare", "backup") == 0  # no stick: nothing to say
    assert capsys.readouterr().out == ""


def test_what_was_taken_back_from_a_folder_starts_the_box_again(
    here: Room, words: str, steward: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    stick = str(here.top / "stick")
    assert jembatan(here, "old", "spare", "export", stick, "--passphrase", words) == 0
    assert not steward["restarts"]
    assert jembatan(here, "old", "spare", "back", stick) == 0
    assert len(steward["restarts"]) == 1
    assert "It is started again now" in capsys.readouterr().out


def test_what_the_steward_refuses_is_said(
    here: Room, words: str, steward: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: object) -> dict[str, Any]:
        raise Refused(what="That", why="it is Sunday")

    steward["spare-export"] = refuse
    assert jembatan(here, "old", "spare", "export", "--passphrase", words) == 1
    assert "it is Sunday" in capsys.readouterr().err


@pytest.mark.parametrize(
    "said",
    [
        {"name": "", "state": "none"},
        {"name": "backup", "state": "done", "result": {}},  # by the timer, meanwhile
    ],
)
@pytest.mark.parametrize("verb", ["export", "import", "finish", "back"])
def test_what_the_steward_has_forgotten_is_no_success(
    here: Room,
    words: str,
    steward: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    verb: str,
    said: dict[str, Any],
) -> None:
    steward.update({f"spare-{verb}": lambda _: {}, "said": said})
    given = ("--passphrase", words) if verb in {"export", "import"} else ()
    assert jembatan(here, "old", "spare", verb, *given) == 1
    told = capsys.readouterr()
    assert "started anew" in told.err
    assert "jembatan spare status" in told.err
    assert (
        not told.out.replace(f"Passphrase: {WORDS}", "")
        .replace("Write it down: the spare box asks for it.", "")
        .strip()
    )


def test_no_success_is_told_where_the_box_stands_otherwise(
    here: Room, steward: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    steward["spare-finish"] = lambda _: {}
    assert jembatan(here, "old", "spare", "finish") == 1
    told = capsys.readouterr()
    assert "not at that point: This box takes in and sends." in told.err
    assert told.out == ""


def test_support_in_words_as_a_document_and_as_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = Box(tmp_path)
    box.one_of_each()
    box.close()
    assert main(["support", "--root", str(tmp_path)]) == 0
    assert "What is in this file" in capsys.readouterr().out
    assert main(["support", "--json", "--root", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["journal"]["this_box_works"] == "here"
    target = tmp_path / "support.zip"
    assert main(["support", "--out", str(target), "--root", str(tmp_path)]) == 0
    with zipfile.ZipFile(io.BytesIO(target.read_bytes())) as file:
        assert file.testzip() is None
