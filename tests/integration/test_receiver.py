"""Modalities that speak DICOM: real senders store at the receive service."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from appliance.errors import CalledAeUnknown, CallingAeUnknown
from appliance.journal.bell import ring
from appliance.journal.charge import Charge
from appliance.journal.spool import Reserve
from tests.builders import part10
from tests.builders.receiving import CR1, modality, receiving, store, until
from tests.peers.orthanc import orthanc

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.receiving import Receiving

UID = "1.2.3.4.5"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.dcm"
    path.write_bytes(part10.film(UID))
    return path


def dcmtk(tool: str, box: Receiving, *arguments: object, calling: str = "CR1") -> str:
    """Run one of DCMTK's senders as the modality; what it says."""
    names = ["-aet", calling, "-aec", "JEMBATAN"]
    command = [tool, "-v", *names, "127.0.0.1", str(box.port), *map(str, arguments)]
    if tool == "storescu" and arguments and str(arguments[0]).startswith(("-", "+")):
        options = [str(each) for each in arguments if str(each)[0] in "-+"]
        files = [str(each) for each in arguments if str(each)[0] not in "-+"]
        command = [tool, "-v", *names, *options, "127.0.0.1", str(box.port), *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return done.stdout + done.stderr


def test_echo(tmp_path: Path) -> None:
    with receiving(tmp_path) as box:
        assert "Received Echo Response (Success)" in dcmtk("echoscu", box)


@pytest.mark.parametrize(
    ("option", "syntax"),
    [
        ("-xi", part10.IMPLICIT_LE),
        ("-xe", part10.EXPLICIT_LE),
        ("-xb", part10.EXPLICIT_BE),
        ("-xd", part10.DEFLATED_LE),
    ],
)
def test_storescu_in_every_way_to_write_it_down(
    tmp_path: Path, film: Path, option: str, syntax: str
) -> None:
    with receiving(tmp_path / "box") as box:
        said = dcmtk("storescu", box, option, film)
        assert "Received Store Response (Success)" in said
        assert box.names() == [f"CR1/{UID}.dcm"]
        (content,) = box.contents()
    received = tmp_path / "received.dcm"
    received.write_bytes(content)
    found, sent = dcmread(received), dcmread(film)
    assert found.file_meta.TransferSyntaxUID in {syntax, part10.EXPLICIT_LE}
    assert found.pixel_array.tolist() == sent.pixel_array.tolist()


def test_a_data_set_is_kept_as_it_was_sent(tmp_path: Path) -> None:
    syntaxes = [
        part10.IMPLICIT_LE,
        part10.EXPLICIT_LE,
        part10.EXPLICIT_BE,
        part10.DEFLATED_LE,
    ]
    sent = {}
    with receiving(tmp_path / "box") as box:
        for number, syntax in enumerate(syntaxes):
            uid = f"{UID}.{number}"
            sent[uid] = part10.data_set(uid, syntax=syntax)
            with modality(box, (part10.CR_IMAGE, syntax)) as link:
                assert store(link, uid, sent[uid], syntax).status == 0
        contents = box.contents()
    kept = {content[content.index(b"1.2.3.4.5") :][:11].decode(): content for content in contents}
    for uid, data_set in sent.items():
        assert kept[uid].endswith(data_set)


def test_the_same_object_from_two_modalities_is_one_file_and_one_item(tmp_path: Path) -> None:
    both = f'{CR1}, {{ ae_title = "CR2", host = "localhost" }}'
    with receiving(tmp_path, allow=both) as box:
        for calling in ("CR1", "CR2", "CR1"):
            with modality(box, calling=calling) as link:
                assert store(link, UID, part10.data_set(UID)).status == 0
        assert len(box.contents()) == 1
        assert box.names() == [f"CR1/{UID}.dcm"]


@pytest.mark.parametrize(
    ("sop_class", "is_taken"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", True),
        ("1.2.840.10008.5.1.4.1.1.999.7", True),  # of a standard to come
        ("1.3.12.2.1107.5.9.1", True),  # a maker's own
        ("1.2.840.10008.5.1.4.1.2.2.1", False),  # a query
    ],
)
def test_whatever_is_stored_is_taken(tmp_path: Path, sop_class: str, *, is_taken: bool) -> None:
    with receiving(tmp_path) as box, modality(box, (sop_class, part10.EXPLICIT_LE)) as link:
        assert link.accepts(sop_class, part10.EXPLICIT_LE) is is_taken


def test_what_the_settings_limit_is_refused_while_agreeing(tmp_path: Path) -> None:
    limits = f'accept = ["CR"]\nsyntaxes = ["{part10.EXPLICIT_LE}"]'
    offers = [
        (part10.CR_IMAGE, part10.EXPLICIT_LE),
        (part10.CR_IMAGE, part10.JPEG_BASELINE),
        (part10.SC_IMAGE, part10.EXPLICIT_LE),
    ]
    with receiving(tmp_path, source=limits) as box, modality(box, *offers) as link:
        assert [link.accepts(*offer) for offer in offers] == [True, False, False]
        assert "not encoded as" in link.rejected(*offers[1]).sentence
        assert "images of the kind" in link.rejected(*offers[2]).sentence


@pytest.mark.parametrize(
    ("called", "calling", "why"),
    [
        ("JEMBATAN", "CR9", "its AE title is not in the list"),
        ("JEMBATAN", "FAR", "its address is not the one in the list"),
        ("OTHER", "CR1", "nothing here is called OTHER"),
    ],
)
def test_nobody_may_send_who_is_not_listed(
    tmp_path: Path, called: str, calling: str, why: str
) -> None:
    far = f'{CR1}, {{ ae_title = "FAR", host = "10.9.8.7" }}'
    with receiving(tmp_path, allow=far) as box:
        expected = CalledAeUnknown if called == "OTHER" else CallingAeUnknown
        with pytest.raises(expected), modality(box, called=called, calling=calling):
            pass
        sentence = f"{calling} at 127.0.0.1 was turned away: {why}."
        until(lambda: box.place() == ("listening", sentence))
        with modality(box) as link:
            assert store(link, UID, part10.data_set(UID)).status == 0


def test_several_receivers_on_one_port_are_told_apart(tmp_path: Path) -> None:
    text = """
        [box]
        listen_port = PORT
        [[source]]
        name = "by-called"
        kind = "receiver"
        called = "US"
        allow = [{ ae_title = "M", host = "127.0.0.1" }]
        [[source]]
        name = "by-calling"
        kind = "receiver"
        allow = [{ ae_title = "M", host = "127.0.0.1" }]
        [[source]]
        name = "by-host"
        kind = "receiver"
        allow = [{ ae_title = "N", host = "127.0.0.1" }, { ae_title = "N", host = "10.1.1.1" }]
    """
    with receiving(tmp_path, text=text) as box:
        for called, calling in (("US", "M"), ("JEMBATAN", "M"), ("JEMBATAN", "N")):
            uid = f"{UID}.{called == 'US':d}.{calling == 'N':d}"
            with modality(box, called=called, calling=calling) as link:
                assert store(link, uid, part10.data_set(uid)).status == 0
        sources = [row["source"] for row in box.box.journal.ledger.unfinished(9)]
    assert sources == ["by-called", "by-calling", "by-host"]


@pytest.mark.parametrize(
    ("content", "status", "comment"),
    [
        (part10.film(UID)[len(part10.meta(UID)) : -40], 0xC000, "it has "),
        (part10.data_set("1.2.3.9"), 0xA900, "other UIDs"),
        (part10.data_set(UID, sop_class=part10.SC_IMAGE), 0xA900, "other UIDs"),
        (part10.meta(UID)[132:] + part10.data_set(UID), 0xC000, "file meta information"),
        (b"\x00" * 300, 0xC000, ""),
        (b"", 0xC000, ""),
    ],
)
def test_what_is_not_the_whole_object_announced_is_refused_and_not_kept(
    tmp_path: Path, content: bytes, status: int, comment: str
) -> None:
    with receiving(tmp_path) as box, modality(box) as link:
        answer = store(link, UID, content)
        assert (answer.status, comment in answer.comment) == (status, True)
        until(lambda: "sent an image that was not taken" in box.place()[1])
        assert (box.contents(), box.drafts(), box.names()) == ([], [], [])
        assert store(link, UID, part10.data_set(UID)).status == 0
        until(lambda: box.place() == ("listening", ""))


def test_a_card_without_room_says_a700_and_hears_the_object_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(tmp_path) as box, modality(box) as link:
        monkeypatch.setattr("appliance.journal.spool._FOR_WHAT_IS_HERE", Reserve(1e9, 1 << 60))
        answer = store(link, UID, part10.data_set(UID, bytes(3 << 20)))
        assert (answer.status, answer.comment) == (0xA700, "disk-full")
        until(lambda: box.place()[0] == "full")
        monkeypatch.undo()
        assert store(link, UID, part10.data_set(UID)).status == 0
        until(lambda: box.place()[0] == "listening")


def test_a_box_that_hands_over_says_a700_and_then_lets_nobody_call(tmp_path: Path) -> None:
    with receiving(tmp_path) as box, modality(box) as link:
        assert store(link, UID, part10.data_set(UID)).status == 0
        box.box.journal.charge.set(Charge.LEAVING)
        answer = store(link, f"{UID}.1", part10.data_set(f"{UID}.1"))
        assert (answer.status, answer.comment) == (0xA700, "handed-over")
        ring(box.box.paths.run, "receive")
        until(lambda: "Rejected" in dcmtk("echoscu", box))
        box.box.journal.charge.set(Charge.HERE)
        ring(box.box.paths.run, "receive")
        until(lambda: "Response (Success)" in dcmtk("echoscu", box))
        assert len(box.names()) == 1


def test_orthanc_sends_as_a_modality(tmp_path: Path, film: Path) -> None:
    allow = '{ ae_title = "PRACTICE", host = "127.0.0.1" }'
    with receiving(tmp_path / "box", allow=allow) as box, orthanc(tmp_path / "orthanc") as pacs:
        pacs.knows("box", "JEMBATAN", box.port)
        pacs.send("box", film.read_bytes())
        assert box.names() == [f"PRACTICE/{UID}.dcm"]
