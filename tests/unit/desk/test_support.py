"""What a person could have typed, exported or been called is planted everywhere, and looked for in
all that a support bundle consists of.
"""

from __future__ import annotations

import ast
import base64
import io
import json
import logging
import os
import shutil
import subprocess
import time
import zipfile
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from appliance import errors
from appliance.board.journald import JournaldHandler
from appliance.box import log, machine
from appliance.desk.support import bundle
from appliance.errors import NoIdentity, Problem, UnsupportedFormat
from appliance.model import Identity, ItemState
from appliance.settings.load import parse
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = Path(errors.__file__).parents[1]

WORDS = (
    "Budi", "Siti Rahayu", "SURYANI", "Müller", "山田", "Зайцев", "P3201987", "19631231",
    "MRN-0815", "10.77.66.55", "rsud-harapan", "GEHEIMWORT", "TOMOGRAF7", "drhartono",
)  # fmt: skip
ALL = " ".join(WORDS)

SETTINGS = """
[box]
name = "Budi"
ae_title = "TOMOGRAF7"
contact = "drhartono Siti Rahayu 19631231"
timezone = "Asia/Jakarta"

[[source]]
name = "rsud-harapan"
kind = "folder"
path = "/srv/Siti Rahayu/P3201987"
profile = "SURYANI"

[[source]]
name = "drhartono"
kind = "share"
hosted = true
user = "Budi"
password = "GEHEIMWORT"
hosts = ["10.77.66.55"]

[[source]]
name = "P3201987"
kind = "receiver"
allow = [{ ae_title = "SURYANI", host = "10.77.66.55" }]
accept = ["CR"]

[[profile]]
name = "SURYANI"
sop_class = "CR"
modality = "CR"
filename = 'Budi_(?P<PatientID>MRN-0815.*)'
identity = "trust"
set = { InstitutionName = "rsud-harapan Müller 山田" }
map = { Modality = { "Зайцев" = "CR" } }

[[worklist]]
name = "drhartono"
host = "rsud-harapan"
port = 104
ae_title = "TOMOGRAF7"
station_ae_title = "SURYANI"

[[destination]]
name = "SURYANI"
host = "rsud-harapan"
port = 104
ae_title = "Budi"
calling_ae_title = "Siti Rahayu"
test_patient = { PatientID = "P3201987", PatientName = "Siti Rahayu" }

[[route]]
when = { ReferringPhysicianName = "drhartono*", PatientID = "MRN-0815", source = "drhartono" }
to = ["SURYANI"]
"""


def encodings(word: str) -> Iterator[bytes]:
    """A word as it may come to stand in a file."""
    yield from {word.encode("utf-8"), word.encode("utf-16-le"), word.encode("utf-16-be")}
    for charset in ("latin-1", "shift_jis", "iso8859_5", "gb18030", "cp1252"):
        try:
            yield word.encode(charset)
        except UnicodeEncodeError:
            continue
    yield json.dumps(word)[1:-1].encode()
    yield word.encode("unicode_escape")
    yield "".join(f"%{byte:02X}" for byte in word.encode()).encode()
    yield word.encode().hex().encode()
    for shift in range(3):  # wherever it begins in what is encoded
        yield base64.b64encode(bytes(shift) + word.encode())[4 * (shift > 0) : -4]


def leaks(content: bytes) -> set[str]:
    lower = content.lower()
    return {
        word
        for word in WORDS
        for form in encodings(word)
        if len(form) > 3 and (form in content or form.lower() in lower)
    }


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A box that met all of these words wherever a person or a modality could have put them."""
    box = Box(tmp_path_factory.mktemp("planted"))
    for word in WORDS:
        path = f"{word}/{word} {word}.tif"
        item = box.accept(path, source=word, sidecars={f"{word}.xml": word.encode()})
        box.journal.items.stop(box.claim(ItemState.ARRIVED), NoIdentity(where=path))
        box.journal.items.decide_item(
            item.id, ItemState.IGNORED, code="discarded", why=f"{word} said so", who=word
        )
        box.accept(f"{word}.{word}", verdict=UnsupportedFormat(name=word, detail=word))
        box.accept(f"{word}.jpg", source=word)
        box.convert()
        box.identify(Identity({"PatientID": word, "PatientName": word}, "trust"))
        box.route(word)
        box.journal.deliveries.hold_delivery(box.take_up(word), Problem(what=word))
        box.journal.custody.set_place("source", word, word, Problem(what=word))
        box.journal.custody.set_place("destination", word, "down", Problem(what=word))
        with box.journal.charge._s.db.write(durable=False):  # noqa: SLF001 - what no verb writes
            box.journal.charge._s.remark(item.id, word, code=word)  # noqa: SLF001
    yield box
    box.close()


def entries() -> Iterator[dict[str, Any]]:
    """Log entries as journald hands them out, every field of them hostile."""
    for word in WORDS:
        yield {"MESSAGE": word, "_SYSTEMD_UNIT": f"{word}.service", "PRIORITY": word}
        yield {
            "MESSAGE": f'  File "/opt/appliance/{word}.py", line 3 in {word}',
            "_SYSTEMD_UNIT": "jembatan-watch.service",
            "__REALTIME_TIMESTAMP": word,
        }
        yield {
            "_SYSTEMD_UNIT": "jembatan-watch.service",
            "JEMBATAN_LOGGER": "appliance.sources.folder",
            "JEMBATAN_WORDS": f"%s: took {word}",
        }
        yield {
            "_SYSTEMD_UNIT": "jembatan-watch.service",
            "JEMBATAN_LOGGER": "appliance.sources.folder",
            "JEMBATAN_WORDS": "%s: took %s%s",
            "JEMBATAN_NUMBERS": json.dumps([word, 7, 3201987_19631231]),
            "JEMBATAN_CODES": json.dumps([word, "no-identity"]),
            "JEMBATAN_ERROR": word,
            "JEMBATAN_TRACE": json.dumps([word, f"{word}.py:3", "journal/spool.py:12"]),
        }
        yield {"_PID": "1", "UNIT": word, "MESSAGE_ID": "39f53479d3a045ac8e11786248231fbf"}
        yield {"_PID": "1", "UNIT": "jembatan-web.service", "MESSAGE_ID": word, "MESSAGE": word}


@pytest.fixture
def found(planted: Box, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(log, "_entries", lambda *_: entries())
    told = {"facts": machine.facts(), "log": log.read()}
    return bundle.document(planted.journal, parse(SETTINGS), told, planted.clock)


def test_no_planted_word_is_in_the_bundle(found: dict[str, Any]) -> None:
    with zipfile.ZipFile(io.BytesIO(bundle.packed(found))) as file:
        assert file.namelist() == ["READ ME FIRST.txt", "support.json"]
        for name in file.namelist():
            assert leaks(file.read(name)) == set(), name
    assert leaks(bundle.text(found).encode()) == set()


def test_the_search_finds_what_is_there() -> None:
    for word in WORDS:
        for form in encodings(word):
            assert len(form) <= 3 or word in leaks(b"..." + form + b"..."), (word, form)


def test_what_support_needs_is_in_it(found: dict[str, Any]) -> None:
    journal = found["journal"]
    held = {(row["state"], row["code"]): row["count"] for row in journal["items"]}
    assert held["ignored", "discarded"] == len(WORDS)
    assert held["quarantined", "unsupported-format"] == len(WORDS)
    assert {row["code"] for row in journal["events_by_day"]} >= {"no-identity", "discarded"}
    assert {row["file"] for row in journal["needs_a_person"]} == {"", "jpg"}
    settings = found["settings"]
    assert settings["box"]["timezone"] == "Asia/Jakarta"
    assert settings["sources"][0]["kind"] == "folder"
    assert set(settings["routes"][0]["when"]) == {"ReferringPhysicianName", "PatientID", "source"}
    assert settings["destinations"][0]["port"] == 104
    assert found["machine"]["memory_kib"]["MemTotal"] > 0


def test_the_same_word_has_the_same_mark_and_another_one_in_the_next_bundle(
    planted: Box, found: dict[str, Any]
) -> None:
    settings = found["settings"]
    assert settings["sources"][1]["name"] == settings["worklists"][0]["name"]
    again = bundle.document(planted.journal, parse(SETTINGS), {}, planted.clock)
    assert again["settings"]["box"]["name"] != settings["box"]["name"]


def test_of_a_log_line_the_harmless_half_is_told(found: dict[str, Any]) -> None:
    told = [line for line in found["log"]["lines"] if line.get("words") == "%s: took %s%s"]
    assert len(told) == len(WORDS)
    assert told[0]["numbers"] == (7,)
    assert told[0]["codes"] == ("no-identity",)
    assert told[0]["places"] == ("journal/spool.py:12",)
    assert "error" not in told[0]
    assert found["log"]["untold"]["jembatan-watch.service"] == 2 * len(WORDS)


def test_a_box_that_never_ran_has_a_bundle(planted: Box) -> None:
    found = bundle.document(None, parse(""), {}, planted.clock)
    assert "journal: none" in bundle.text(found)


def test_every_log_line_of_the_product_stands_in_its_source_as_it_is() -> None:
    """What is told of a line is its sentence in the source: so no call may make one up."""
    made_up = []
    for path in TOP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id == "_log":
                sentence = node.args[1 if node.func.attr == "log" else 0]
                if not (isinstance(sentence, ast.Constant) and isinstance(sentence.value, str)):
                    made_up.append(f"{path}:{node.lineno}")
    assert made_up == []


# --- a real journald ----------------------------------------------------------------------------


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[str]:
    """journald itself, in a namespace of its own; its name."""
    program = Path("/lib/systemd/systemd-journald")
    if os.geteuid() or not program.exists() or not shutil.which("journalctl"):
        pytest.skip("journald as another one than the machine's needs root")
    name = f"jembatantest{os.getpid()}"
    process = subprocess.Popen([program, name], stderr=subprocess.DEVNULL)
    until_s = time.monotonic() + 5
    while not (Path("/run/systemd") / f"journal.{name}" / "socket").exists():
        if process.poll() is not None or time.monotonic() > until_s:
            process.kill()
            pytest.skip("journald does not start here")
        os.sched_yield()
    yield name
    process.terminate()
    process.wait(10)
    for place in (f"/run/systemd/journal.{name}", *_files_of(name)):
        shutil.rmtree(place, ignore_errors=True)


def _files_of(name: str) -> list[str]:
    return [str(path) for path in Path("/run/log/journal").glob(f"*.{name}")]


def test_what_the_product_logs_comes_back_from_journald_without_what_was_filled_in(
    journald: str,
) -> None:
    handler = JournaldHandler(Path("/run/systemd") / f"journal.{journald}" / "socket")
    logger = logging.getLogger("appliance.sources.folder")
    for word in WORDS:
        _say(handler, logger.name, "%s: took %s%s", "cr", word, "")
        _say(handler, logger.name, "%s (item %d): %s", word, 12, NoIdentity(where=word))
        _say(handler, "PIL", "cannot read %s", word)
    handler.close()
    subprocess.run(["journalctl", f"--namespace={journald}", "--sync"], check=False)
    found: deque[dict[str, Any]] = deque(log._entries(100, f"--namespace={journald}"))  # noqa: SLF001
    said = [str(entry.get("MESSAGE")) for entry in found]
    assert any("Budi" in text for text in said)  # whoever is at the box may read it
    told = log.read(100, f"--namespace={journald}")
    assert {line["words"] for line in told["lines"]} == {"%s: took %s%s"}
    assert leaks(json.dumps(told).encode()) == set()


def _say(handler: JournaldHandler, name: str, words: str, *arguments: object) -> None:
    record = logging.LogRecord(name, logging.INFO, "", 1, words, arguments, None)
    handler.emit(record)


def test_an_error_nobody_foresaw_is_told_by_its_kind_and_places() -> None:
    with pytest.raises((TypeError, AttributeError)) as caught:
        parse(3)  # type: ignore[arg-type]
    trace = (caught.type, caught.value, caught.tb)
    from appliance.board.journald import public  # noqa: PLC0415

    said = public(logging.LogRecord("appliance.x", 50, "", 1, "it ended", (), trace))
    line = log.line_of({**said, "JEMBATAN_LOGGER": "appliance.services.duty",
                        "JEMBATAN_WORDS": "it ended by an error nobody foresaw"})  # fmt: skip
    assert line is not None
    assert line.error in {"TypeError", "AttributeError"}
    assert any(place.startswith("settings/") for place in line.places)
