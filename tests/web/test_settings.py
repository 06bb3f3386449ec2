"""The forms of the settings: saved through keeper, refused at the field, never half."""

from __future__ import annotations

import re
from errno import EIO
from typing import TYPE_CHECKING

import pytest

from appliance.call import Server
from appliance.desk.doctor.report import Entry, Place, Report, State, Step
from appliance.settings import history
from appliance.settings.current import Current
from appliance.settings.links import FolderLink
from appliance.settings.load import parse, settings_path
from appliance.settings.schema import Confirm, Peer
from tests.web.visitor import Visitor, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from appliance.settings.schema import Settings
    from tests.builders.box import Box

PACS = {"name": "pacs", "host": "10.0.0.1", "port": "104", "ae_title": "JIVEX"}
PACS |= {"calling_ae_title": "", "environment": "production", "confirm": "auto"}
FOLDER = {"name": "cr", "path": "/srv/cr", "profile": "", "after": "keep"}
FOLDER |= {"move_to": "", "error_to": ""}
PROFILE = {"name": "tiff", "sop_class": "CR", "modality": "CR", "filename": "(?P<PatientID>.+)_"}
PROFILE |= {"sidecar": "none", "identity": "trust", "charset": "", "bits_stored": "12"}
PROFILE |= {"photometric": "", "imager_pixel_spacing": "0.1, 0.2", "window": ""}


def settings(box: Box) -> Settings:
    return Current(box.paths.root).get()


def add(owner: Visitor, table: str, fields: Mapping[str, str], action: str = "save") -> Any:
    place = "source/new/folder" if table == "source" else f"{table}/new"
    return owner.post(f"/settings/{place}", **fields, action=action)


def change(owner: Visitor, table: str, fields: Mapping[str, str], **other: str) -> Any:
    path = f"/settings/{table}/named/{fields['name']}"
    return owner.post(path, **{**fields, **other}, action="save")


def fault_at(answer: Any, field: str) -> str:
    found = re.search(rf'<p class="fault" id="{field}-fault">(.*?)</p>', answer.text)
    return found[1] if found else ""


def test_another_address_for_commitment_is_entered_kept_and_taken_out(
    owner: Visitor, box: Box
) -> None:
    asks = {"commitment.host": "", "commitment.port": "1104", "commitment.ae_title": "SCM"}
    add(owner, "destination", {**PACS, "confirm": "commitment", **asks})
    (pacs,) = settings(box).destinations
    assert (pacs.confirm, pacs.commitment) == (Confirm.COMMITMENT, Peer("", 1104, "SCM"))
    assert 'value="SCM"' in owner.get("/settings/destination/named/pacs").text
    change(owner, "destination", PACS)
    assert settings(box).destinations[0].commitment.port == 1104
    wrong = change(owner, "destination", {**PACS, **asks, "commitment.port": "70000"})
    assert "65535" in fault_at(wrong, "commitment.port")
    change(owner, "destination", {**PACS, **dict.fromkeys(asks, "")})
    assert settings(box).destinations[0].commitment == Peer()


def test_what_is_added_is_in_force_and_what_is_empty_is_left_out(owner: Visitor, box: Box) -> None:
    assert add(owner, "destination", PACS).location == "/settings"
    assert add(owner, "profile", PROFILE).location == "/settings"
    assert add(owner, "source", {**FOLDER, "profile": "tiff"}).location == "/settings"
    now = settings(box)
    (pacs,), (source,), (profile,) = now.destinations, now.sources, now.profiles
    assert (pacs.name, pacs.port, pacs.calling_ae_title) == ("pacs", 104, "")
    assert isinstance(source, FolderLink)
    assert (source.path, source.profile) == ("/srv/cr", "tiff")
    assert (profile.bits_stored, profile.imager_pixel_spacing) == (12, (0.1, 0.2))
    assert "move_to" not in settings_path(box.paths.root).read_text()
    shown = text_of(owner.get("/settings"))
    assert "Saved. It is in force now." in shown
    assert "JIVEX at 10.0.0.1:104" in shown


def test_a_slow_line_can_be_said_to_be_one_and_no_longer(owner: Visitor, box: Box) -> None:
    assert add(owner, "destination", {**PACS, "compress": "rle"}).location == "/settings"
    assert settings(box).destinations[0].compress == "rle"
    shown = owner.get("/settings/destination/named/pacs").text
    assert re.search(r'<option value="rle" selected', shown)
    assert change(owner, "destination", {**PACS, "compress": ""}).location == "/settings"
    assert settings(box).destinations[0].compress == ""


def test_a_change_keeps_the_name_and_what_the_form_does_not_show(owner: Visitor, box: Box) -> None:
    text = '[[destination]]\nname = "pacs"\nhost = "a"\nport = 1\nae_title = "A"\nidle_s = 9.0\n'
    history.publish(box.paths.root, f"# by hand\n{text}")
    assert "a" in owner.get("/settings/destination/named/pacs").text
    assert change(owner, "destination", PACS, name="other").location == "/settings"
    (pacs,) = settings(box).destinations
    assert (pacs.name, pacs.host, pacs.idle_s) == ("pacs", "10.0.0.1", 9.0)
    assert settings_path(box.paths.root).read_text().startswith("# by hand")


def test_hours_and_the_pace_of_a_slow_line_are_set_and_unset(owner: Visitor, box: Box) -> None:
    slow = {**PACS, "hours": "19:00-06:00, 12:00-13:00", "kbit_s": "512"}
    assert add(owner, "destination", slow).location == "/settings"
    (pacs,) = settings(box).destinations
    assert (pacs.hours, pacs.kbit_s) == (("19:00-06:00", "12:00-13:00"), 512)
    page = owner.get("/settings/destination/named/pacs").text
    assert 'value="19:00-06:00, 12:00-13:00"' in page
    assert 'value="512"' in page
    answer = change(owner, "destination", slow, hours="19-6")
    assert "is not a time of the day such as 19:00-06:00" in fault_at(answer, "hours")
    assert change(owner, "destination", slow, hours="", kbit_s="").location == "/settings"
    (pacs,) = settings(box).destinations
    assert (pacs.hours, pacs.kbit_s) == ((), 0)


def test_what_is_for_real_patients_is_not_changed_to_one_for_tests(
    owner: Visitor, box: Box
) -> None:
    history.publish(box.paths.root, "")
    add(owner, "destination", {**PACS, "name": "practice", "environment": "test"})
    add(owner, "destination", {**PACS, "environment": "test"})
    change(owner, "destination", PACS)
    before = settings(box)
    restored = owner.post("/settings/history/3")
    for refused in (change(owner, "destination", PACS, environment="test"), restored):
        assert refused.status_code == 422
        assert "The destination pacs was for real patients" in text_of(refused)
        assert "Add one of another name for tests" in text_of(refused)
    assert settings(box) == before


@pytest.mark.parametrize("sop_class", ["DX", "US", "VL"])
@pytest.mark.parametrize("sidecar", ["xml", "ini"])
def test_saving_a_form_as_it_is_shown_changes_nothing(
    owner: Visitor, box: Box, sop_class: str, sidecar: str
) -> None:
    said = f'sop_class = "{sop_class}"\nsidecar = "{sidecar}"'
    history.publish(box.paths.root, f'[[profile]]\nname = "dr"\n{said}\n')
    before = settings(box)
    page = owner.get("/settings/profile/named/dr").text
    shown = dict(re.findall(r'<select id="(\w+)".*?<option value="(\w*)" selected>', page, re.S))
    assert (shown["sop_class"], shown["sidecar"]) == (sop_class, sidecar)
    assert change(owner, "profile", {"name": "dr", **shown}).location == "/settings"
    assert settings(box) == before


@pytest.mark.parametrize(
    ("table", "fields", "field", "reason"),
    [
        ("destination", {**PACS, "port": "a hundred"}, "port", "must be a whole number"),
        ("destination", {**PACS, "port": "70000"}, "port", "must be from 1 to 65535"),
        ("destination", {**PACS, "ae_title": "A" * 17}, "ae_title", "1 to 16 characters"),
        ("destination", {**PACS, "name": "my pacs"}, "name", "must be 1 to 40 letters"),
        ("destination", {**PACS, "host": ""}, "host", "is missing"),
        ("source", {**FOLDER, "path": "export"}, "path", "must begin with a slash"),
        ("source", {**FOLDER, "after": "move"}, "move_to", "is missing"),
        ("profile", {**PROFILE, "filename": "("}, "filename", "not a regular expression"),
        ("profile", {**PROFILE, "window": "wide"}, "window", "must be a number"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_changes(
    owner: Visitor, box: Box, table: str, fields: dict[str, str], field: str, reason: str
) -> None:
    answer = add(owner, table, fields)
    assert answer.status_code == 422
    assert reason in fault_at(answer, field)
    assert "Nothing was changed" in text_of(answer)
    assert f'value="{fields[field]}"' in answer.text
    assert not settings_path(box.paths.root).exists()


def test_what_is_wrong_elsewhere_is_said_above(owner: Visitor, box: Box) -> None:
    add(owner, "profile", PROFILE)
    add(owner, "source", {**FOLDER, "profile": "tiff"})
    answer = owner.post("/settings/profile/named/tiff/remove")
    assert answer.status_code == 422
    assert 'source.cr.profile: there is no profile named "tiff"' in text_of(answer)
    assert settings(box).profiles


def test_a_second_one_of_a_name_is_refused_and_not_taken_for_a_change(
    owner: Visitor, box: Box
) -> None:
    add(owner, "destination", PACS)
    answer = add(owner, "destination", {**PACS, "host": "10.0.0.2"})
    assert "already the name of another one" in fault_at(answer, "name")
    assert settings(box).destinations[0].host == "10.0.0.1"


def test_no_date_at_all_is_refused_and_the_order_of_dates_is_kept(
    owner: Visitor, box: Box
) -> None:
    add(owner, "profile", PROFILE)
    path = "/settings/profile/named/tiff"
    owner.post(path, **PROFILE, date=["", "mtime", "header"], action="save")
    assert settings(box).profiles[0].date == ("mtime", "header")
    places = re.findall(r'name="date" value="(\w+)"( checked)?', owner.get(path).text)
    assert places[:2] == [("mtime", " checked"), ("header", " checked")]
    assert {ticked for _, ticked in places[2:]} == {""}
    assert "must not be empty" in text_of(owner.post(path, **PROFILE, date="", action="save"))


def test_removing_a_share_says_what_it_holds_that_nobody_takes_then(
    owner: Visitor, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.publish(box.paths.root, SHARED)
    page = "/settings/source/named/cr/remove"
    assert "not taken yet" not in text_of(owner.get(page))
    film = box.paths.shares / "cr" / "P1" / "film.tif"
    film.parent.mkdir(parents=True)
    film.write_bytes(b"film")
    assert "1 file that the modality has stored here was not taken yet" in text_of(owner.get(page))

    def failing(_: object) -> None:
        raise OSError(EIO, "Input/output error")

    monkeypatch.setattr("appliance.web.views.sources.left_by", lambda *_: failing(_))
    assert "A folder of cr cannot be read" in text_of(owner.get(page))


def test_removing_a_drive_says_that_its_image_stays(owner: Visitor, box: Box) -> None:
    history.publish(box.paths.root, '[[source]]\nname = "cr"\nkind = "drive"\n')
    page = text_of(owner.get("/settings/source/named/cr/remove"))
    assert "stays on its image, and nobody takes it" in page


def test_removing_asks_once_more_and_says_what_waits(owner: Visitor, box: Box) -> None:
    add(owner, "destination", PACS)
    box.delivery()
    asked = text_of(owner.get("/settings/destination/named/pacs/remove"))
    assert "1 image has not reached it yet" in asked
    assert settings(box).destinations
    assert owner.post("/settings/destination/named/pacs/remove").location == "/settings"
    assert not settings(box).destinations
    assert owner.get("/settings/destination/named/pacs").status_code == 404


def test_the_box_itself(owner: Visitor, box: Box) -> None:
    values = {"name": "CR room 2", "ae_title": "ROOM2", "timezone": "Asia/Jakarta"}
    values |= {"listen_port": "104", "tls_port": ""}
    assert owner.post("/settings/box", **values).location == "/settings"
    assert (settings(box).box.ae_title, settings(box).box.listen_port) == ("ROOM2", 104)
    assert "CR room 2" in owner.get("/").text
    answer = owner.post("/settings/box", **{**values, "timezone": "Jakarta"})
    assert "not a time zone" in fault_at(answer, "timezone")


def test_earlier_settings_are_shown_as_a_difference_and_come_back(
    owner: Visitor, box: Box
) -> None:
    add(owner, "destination", PACS)
    change(owner, "destination", PACS, host="10.0.0.2")
    assert "Version 2" in text_of(owner.get("/settings/history"))
    assert "settings in force" in text_of(owner.get("/settings/history/2"))
    shown = text_of(owner.get("/settings/history/1"))
    assert '-host = "10.0.0.2" +host = "10.0.0.1"' in shown
    assert owner.post("/settings/history/1").location == "/settings"
    assert settings(box).destinations[0].host == "10.0.0.1"
    assert owner.get("/settings/history/9").status_code == 404


def test_a_broken_file_is_told_and_can_be_left_behind(owner: Visitor, box: Box) -> None:
    add(owner, "destination", PACS)
    owner.get("/settings")
    settings_path(box.paths.root).write_text("[box\n")
    assert "jembatan.toml: line 1" in text_of(owner.get("/"))
    answer = change(owner, "destination", PACS)
    assert answer.status_code == 422
    assert "jembatan.toml: line 1" in text_of(answer)
    assert owner.post("/settings/history/1").location == "/settings"
    assert "jembatan.toml" not in text_of(owner.get("/"))


def test_routes_are_shown(owner: Visitor, box: Box) -> None:
    add(owner, "destination", PACS)
    text = settings_path(box.paths.root).read_text()
    route = '[[route]]\nto = ["pacs"]\nwhen = { Modality = "CR" }\n'
    history.publish(box.paths.root, f"{text}\n{route}")
    assert 'Modality is "CR" to pacs' in text_of(owner.get("/settings"))


def test_a_keeper_that_does_not_answer_is_told(owner: Visitor, box: Box) -> None:
    (box.paths.run / "keeper.sock").unlink()
    answer = add(owner, "destination", PACS)
    assert answer.status_code == 422
    assert "does not answer" in text_of(answer)


# --- A file name is tried


def tried(owner: Visitor, pattern: str, sample: str) -> str:
    query = {"filename": pattern, "sample": sample}
    return text_of(owner.get("/settings/profile/try", query=query))


def test_a_pattern_is_tried_while_it_is_typed(owner: Visitor) -> None:
    pattern = "(?P<PatientID>[^_]+)_(?P<PatientName>[^_]+)"
    assert tried(owner, pattern, "4711_SITI.tif") == "PatientID 4711 PatientName SITI"
    assert "does not match" in tried(owner, pattern, "IMG.tif")
    assert "not a regular expression" in tried(owner, "(", "IMG.tif")
    assert "is not a DICOM keyword" in tried(owner, "(?P<Name>.)", "IMG.tif")
    assert tried(owner, "", "IMG.tif") == "Shows what would be read from it."
    assert (
        "<b>"
        not in owner.get(
            "/settings/profile/try", query={"filename": "(?P<PatientID>.*)", "sample": "<b>"}
        ).text
    )


def test_a_pattern_is_tried_without_scripts_too(owner: Visitor, box: Box) -> None:
    answer = add(owner, "profile", {**PROFILE, "sample": "4711_SITI.tif"}, action="try")
    assert "PatientID 4711" in text_of(answer)
    assert not settings_path(box.paths.root).exists()


# --- The connection is tested


def answered(ae_title: str, calling: str) -> Report:
    """What the doctor says: only JIVEX is known."""
    place = Place("10.0.0.5", 104, ae_title, calling)
    if ae_title == "JIVEX":
        step = Step("echo", "it answers a C-ECHO", "it answered", State.OK)
        return Report(place, (step,), 0.0123)
    entry = Entry("this box, destination pacs", "`ae_title`", "JIVEX")
    found, hint = "It is not called OTHER.", "Compare the title."
    step = Step(
        "association",
        "it is called OTHER",
        found,
        State.FAILED,
        hint,
        "called-ae-unknown",
        (entry,),
    )
    return Report(place, (step,))


SHARED = """
[[source]]
name = "cr"
kind = "share"
hosted = true
user = "u"
password = "secret12"
"""


@pytest.fixture
def deliver(box: Box) -> Iterator[list[Mapping[str, Any]]]:
    """A deliver service that knows one PACS; what it was asked."""
    asked: list[Mapping[str, Any]] = []

    def doctor(request: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(request)
        typed = parse(request["toml"])
        destination = typed.destination(request["destination"])
        assert destination is not None
        return answered(destination.ae_title, typed.box.ae_title).document()

    server = Server(box.paths.run / "deliver.sock", {"doctor": doctor})
    server.start()
    yield asked
    server.close()


def test_a_connection_is_tested_before_it_is_saved(
    owner: Visitor, box: Box, deliver: list[Mapping[str, Any]]
) -> None:
    answer = add(owner, "destination", PACS, action="test")
    assert "JIVEX answers and knows us as JEMBATAN. It took 12 ms." in text_of(answer)
    assert deliver[0]["thorough"] is False
    assert not settings_path(box.paths.root).exists()
    answer = add(owner, "destination", {**PACS, "ae_title": "OTHER"}, action="test")
    assert "It is not called OTHER. Compare the title." in text_of(answer)
    assert "this box, destination pacs “AE title”: JIVEX" in text_of(answer)


def test_what_no_form_shows_counts_in_a_test_too(
    owner: Visitor, box: Box, deliver: list[Mapping[str, Any]]
) -> None:
    pacs = 'name = "pacs"\nhost = "10.0.0.1"\nport = 104\nae_title = "JIVEX"\n'
    text = f'[box]\nae_title = "CR7"\n[[destination]]\n{pacs}find = {{ port = 105 }}\n'
    history.publish(box.paths.root, text)
    owner.post("/settings/destination/named/pacs", **{**PACS, "port": "106"}, action="test")
    typed = parse(deliver[0]["toml"])
    assert typed.box.ae_title == "CR7"
    assert (typed.destinations[0].port, typed.destinations[0].find.port) == (106, 105)


def test_a_test_patient_is_entered(owner: Visitor, box: Box) -> None:
    fields = {"test_patient.PatientID": "T1", "test_patient.PatientName": ""}
    answer = add(owner, "destination", {**PACS, **fields})
    assert "must name PatientID and PatientName" in text_of(answer)
    add(owner, "destination", {**PACS, **fields, "test_patient.PatientName": "TEST^ONE"})
    assert settings(box).destinations[0].test_patient == {
        "PatientID": "T1",
        "PatientName": "TEST^ONE",
    }
    assert 'value="TEST^ONE"' in owner.get("/settings/destination/named/pacs").text
    change(owner, "destination", PACS)
    assert settings(box).destinations[0].test_patient
    emptied = dict.fromkeys(fields, "")
    change(owner, "destination", PACS, **emptied)
    assert not settings(box).destinations[0].test_patient


def test_nonsense_is_not_even_tried(owner: Visitor, deliver: list[Mapping[str, Any]]) -> None:
    answer = add(owner, "destination", {**PACS, "port": "x"}, action="test")
    assert "must be a whole number" in fault_at(answer, "port")
    assert deliver == []


def test_a_test_that_nobody_can_make_is_told(owner: Visitor) -> None:
    assert "does not answer" in text_of(add(owner, "destination", PACS, action="test"))
