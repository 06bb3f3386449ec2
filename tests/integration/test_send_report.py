"""`jembatan send`: every file is accounted for, and what went wrong is said once and plainly."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import pytest

from appliance.desk.send import Report, send, target_of
from appliance.errors import Refused
from tests.builders import part10 as files
from tests.peers.orthanc import free_port
from tests.peers.scripted import Call, Peer, answers, peer, rejects, stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.network


def export(folder: Path, *names: str, sop_class: str = files.CR_IMAGE) -> Path:
    """A folder of DICOM files; each name is also the end of its UID."""
    folder.mkdir(exist_ok=True)
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(files.part10(f"1.2.3.{path.name}", sop_class=sop_class))
    return folder


def sent(scripted: Peer, *paths: Path, associations: int = 1) -> Report:
    return send(paths, target_of(f"SCRIPTED@127.0.0.1:{scripted.port}", "JEMBATAN"), associations)


def outcome(report: Report) -> list[tuple[str, str | None, bool]]:
    return [(each.path.name, each.status, each.is_sent) for each in report.objects]


# The document


def test_the_document_accounts_for_every_file(tmp_path: Path) -> None:
    folder = export(tmp_path / "export", "1", "2")
    (folder / "notes.txt").write_text("not an image")
    with peer(stores) as scripted:
        document = sent(scripted, folder, tmp_path / "nowhere").document()
    data_set_bytes = len(files.data_set("1.2.3.1"))
    assert document.pop("seconds") == pytest.approx(0, abs=5)
    objects = {each["path"]: each for each in document.pop("objects")}  # type: ignore[attr-defined]
    assert document == {"sent": 2, "failed": 2, "bytes": 2 * data_set_bytes}
    assert objects[str(folder / "1")] == {
        "path": str(folder / "1"),
        "uid": "1.2.3.1",
        "status": "0000",
        "sentence": "It has been stored.",
    }
    assert "is not a kind of file" in objects[str(folder / "notes.txt")]["sentence"]
    assert objects[str(folder / "notes.txt")]["status"] is None
    assert (
        objects[str(tmp_path / "nowhere")]["sentence"] == f"There is no file {tmp_path}/nowhere."
    )


def test_the_document_is_json(tmp_path: Path) -> None:
    with peer(answers(0xB000)) as scripted:
        document = sent(scripted, export(tmp_path / "export", "1")).document()
    assert json.loads(json.dumps(document)) == document
    assert document["sent"] == 1


# What is found


def test_folders_are_walked_in_order_with_links_followed(tmp_path: Path) -> None:
    folder = export(tmp_path / "export", "b/2", "a/1", "3")
    (folder / "4").symlink_to(export(tmp_path / "elsewhere", "4") / "4")
    with peer(stores) as scripted:
        report = sent(scripted, folder)
    assert outcome(report) == [(name, "0000", True) for name in "3412"]


def test_the_table_of_contents_of_a_disk_is_passed_over(tmp_path: Path) -> None:
    folder = export(tmp_path / "export", "1")
    directory = export(folder, "0", sop_class="1.2.840.10008.1.3.10") / "0"
    with peer(stores) as scripted:
        assert outcome(sent(scripted, folder)) == [("1", "0000", True)]
        assert outcome(sent(scripted, directory)) == [("0", "0000", True)]


def test_a_file_that_is_cut_off_is_not_sent(tmp_path: Path) -> None:
    folder = export(tmp_path / "export", "1", "2")
    whole = (folder / "1").read_bytes()
    (folder / "1").write_bytes(whole[:-10])
    with peer(stores) as scripted:
        report = sent(scripted, folder)
    assert [(each.path.name, each.is_sent) for each in report.failed] == [("1", False)]
    assert any("ends too early" in line for line in report.complaints())


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    folder = export(tmp_path / "export", "1")
    (folder / "2").symlink_to(folder / "2")
    (folder / "3").symlink_to(folder / "gone")
    os.mkfifo(folder / "4")
    with peer(stores) as scripted:
        report = sent(scripted, folder)
    assert [each.is_sent for each in report.objects].count(True) == 1
    loop, gone, pipe = report.complaints()
    assert "levels of symbolic links" in loop
    assert "There is no file" in gone
    assert "it is not a regular file" in pipe


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with peer(stores) as scripted, pytest.raises(Refused, match="no file"):
        sent(scripted, tmp_path)


@pytest.mark.parametrize(
    ("to", "word"),
    [
        ("PACS", "AETITLE@HOST:PORT"),
        ("PACS@host", "AETITLE@HOST:PORT"),
        ("PACS@host:http", "AETITLE@HOST:PORT"),
        ("PACS@host:0", "AETITLE@HOST:PORT"),
        ("PACS@host:65536", "AETITLE@HOST:PORT"),
        ("PACS@:104", "AETITLE@HOST:PORT"),
        ("@host:104", "1 to 16 characters"),
        ("ANAMETOOLONGBYALOT@host:104", "1 to 16 characters"),
        (" PACS@host:104", "space"),
        ("PA\\CS@host:104", "backslash"),
    ],
)
def test_a_destination_written_wrongly_is_refused(tmp_path: Path, to: str, word: str) -> None:
    with pytest.raises(Refused, match=word):
        send([tmp_path], target_of(to, "JEMBATAN"))


def test_an_at_sign_may_be_part_of_the_name_and_colons_of_the_host(tmp_path: Path) -> None:
    folder = export(tmp_path / "export", "1")
    report = send([folder], target_of(f"P@CS@[::1]:{free_port()}", "JEMBATAN"))
    assert "::1 is there, but nothing listens" in next(report.complaints())


# What goes wrong


def test_a_destination_that_is_not_there_is_said_once_for_all_files(tmp_path: Path) -> None:
    folder = export(tmp_path / "export", "1", "2", "3")
    report = send([folder], target_of(f"PACS@127.0.0.1:{free_port()}", "JEMBATAN"))
    assert outcome(report) == [(name, None, False) for name in "123"]
    (line,) = report.complaints()
    assert line.startswith(f"{folder}/1 and 2 more: 127.0.0.1 is there, but nothing listens")
    assert "Compare the port number" in line


def test_a_wrong_name_is_said(tmp_path: Path) -> None:
    with peer(rejects(1, 1, 7)) as scripted:
        report = sent(scripted, export(tmp_path / "export", "1"))
    assert "is not called SCRIPTED" in next(report.complaints())


def test_a_refused_object_does_not_stop_the_others(tmp_path: Path) -> None:
    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            call.respond(request, 0xC000 if request.uid == "1.2.3.2" else 0, "odd")

    with peer(script) as scripted:
        report = sent(scripted, export(tmp_path / "export", "1", "2", "3"))
        assert scripted.calls == 1
    assert outcome(report) == [("1", "0000", True), ("2", "C000", False), ("3", "0000", True)]
    assert "status C000 (odd)" in next(report.complaints())


@pytest.mark.parametrize("end", [Call.abort, Call.reset])
def test_an_unknown_outcome_is_cleared_up_over_a_new_association(
    tmp_path: Path, end: Callable[[Call], None]
) -> None:
    got = []

    def breaks(call: Call) -> None:
        call.accept()
        request = call.request()
        assert request
        got.append(request.data)
        end(call)

    def takes(call: Call) -> None:
        call.accept()
        for request in call.requests():
            got.append(request.data)
            call.respond(request, 0)

    with peer(breaks, takes) as scripted:
        report = sent(scripted, export(tmp_path / "export", "1", "2"))
        assert scripted.calls == 2
    assert outcome(report) == [("1", "0000", True), ("2", "0000", True)]
    assert got[0] == got[1] == files.data_set("1.2.3.1")


def test_an_outcome_that_stays_unknown_is_no_success(tmp_path: Path) -> None:
    def breaks(call: Call) -> None:
        call.accept()
        call.request()
        call.abort()

    with peer(breaks, breaks, stores) as scripted:
        report = sent(scripted, export(tmp_path / "export", "1", "2"))
    assert outcome(report) == [("1", None, False), ("2", "0000", True)]
    assert "It is not known whether" in next(report.complaints())


def test_contexts_beyond_128_go_over_another_association(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    for number in range(130):
        export(folder, f"{number:03}", sop_class=f"1.2.840.{number + 1}")
    with peer(stores) as scripted:
        report = sent(scripted, folder)
        assert scripted.calls > 1
    assert len(report.objects) == 130
    assert not report.failed


def test_a_peer_that_allows_one_association_gets_everything_over_it(tmp_path: Path) -> None:
    free = threading.Semaphore()

    def script(call: Call) -> None:
        if not free.acquire(blocking=False):
            return call.reject(2, 3, 2)
        try:
            return stores(call)
        finally:
            free.release()

    folder = export(tmp_path / "export", *map(str, range(50)))
    with peer(script) as scripted:
        report = sent(scripted, folder, associations=4)
    assert len(report.objects) == 50
    assert not report.failed
