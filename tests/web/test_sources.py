"""The forms of sources: a kind is chosen, then only what that kind needs is asked."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from appliance.board.adapters import Adapter
from appliance.box import state
from appliance.box.state import State
from appliance.settings import history
from appliance.settings.current import Current
from appliance.settings.links import (
    Ack,
    Caller,
    DriveLink,
    FolderLink,
    Protocol,
    ReceiverLink,
    SerialLink,
    ShareLink,
    StickLink,
)
from appliance.settings.load import settings_path
from appliance.web.links import LINKS
from appliance.web.words import LABELS, in_words
from tests.web.visitor import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.settings.links import Source
    from tests.builders.box import Box
    from tests.web.visitor import Visitor

BY_ID = "/dev/serial/by-id/usb-FTDI_FT232R-if00-port0"
Given = dict[str, str | list[str]]

CT: Given = {"allow.ae_title": "CT1", "allow.host": "10.0.0.9", "allow.port": ""}

SMALLEST: Mapping[str, tuple[Given, Source]] = {
    "folder": ({"path": "/srv/x"}, FolderLink(name="x", path="/srv/x")),
    "stick": ({}, StickLink(name="x")),
    "drive": ({}, DriveLink(name="x")),
    "hosted": ({}, ShareLink(name="x", hosted=True)),
    "mounted": ({"mount": "//a/b"}, ShareLink(name="x", mount="//a/b")),
    "serial": ({"path": BY_ID}, SerialLink(name="x", path=BY_ID)),
    "receiver": (
        CT,
        ReceiverLink(name="x", allow=(Caller(ae_title="CT1", host="10.0.0.9"),)),
    ),
}
FULLEST: Mapping[str, tuple[Given, Source]] = {
    "drive": (
        {"size_gib": "2", "label": "USB", "vendor": "SANDISK", "product": "CRUZER",
         "serial": "0123456789AB", "quiet_s": "4.5"},
        DriveLink(name="x", size_gib=2, label="USB", vendor="SANDISK", product="CRUZER",
                  serial="0123456789AB", quiet_s=4.5),
    ),
    "hosted": (
        {"user": "us", "password": " s p ", "smb1": ["", "on"], "ntlmv1": ["", "on"],
         "hosts": "10.0.0.7, 10.0.1.0/24", "interface": "eth1", "path": "/srv/us"},
        ShareLink(name="x", hosted=True, user="us", password=" s p ", smb1=True, ntlmv1=True,
                  hosts=("10.0.0.7", "10.0.1.0/24"), interface="eth1", path="/srv/us"),
    ),
    "mounted": (
        {"mount": "//10.0.0.7/export/a b", "user": "u", "password": "p", "domain": "RAD",
         "version": "1.0", "poll_s": "30"},
        ShareLink(name="x", mount="//10.0.0.7/export/a b", user="u", password="p", domain="RAD",
                  version="1.0", poll_s=30.0),
    ),
    "serial": (
        {"path": ["", "/dev/ttyAMA0"], "protocol": "zmodem", "baud": "115200", "framing": "7E1",
         "handshake": "rtscts", "start_bytes": "02", "end_bytes": "03", "idle_s": "1.5",
         "max_kib": "64"},
        SerialLink(name="x", path="/dev/ttyAMA0", protocol=Protocol.ZMODEM, baud=115200,
                   framing="7E1", handshake="rtscts", start_bytes="02", end_bytes="03",
                   idle_s=1.5, max_kib=64),
    ),
    "receiver": (
        {"allow.ae_title": ["CT1", "", "CT2"], "allow.host": ["a", " ", "b"],
         "allow.port": ["", "", "4000"], "allow.fingerprint": ["", "", "ab" * 32],
         "called": "CTROOM", "accept": ["", "CR", "SC"], "syntaxes": ["", "1.2.840.10008.1.2"],
         "ack": "forwarded", "ack_s": "20"},
        ReceiverLink(name="x", called="CTROOM", accept=("CR", "SC"), ack=Ack.FORWARDED,
                     syntaxes=("1.2.840.10008.1.2",), ack_s=20.0,
                     allow=(Caller(ae_title="CT1", host="a"),
                            Caller(ae_title="CT2", host="b", port=4000, fingerprint="ab" * 32))),
    ),
}  # fmt: skip


def sources(box: Box) -> tuple[Source, ...]:
    return Current(box.paths.root).get().sources


def add(owner: Visitor, kind: str, given: Given | None = None, action: str = "save") -> Any:
    fields = {"name": "x", "profile": "", "error_to": "", **(given or {})}
    return owner.post(f"/settings/source/new/{kind}", **fields, action=action)


def change(owner: Visitor, given: Given, action: str = "save") -> Any:
    return owner.post("/settings/source/named/x", **given, name="x", action=action)


def fields_of(form: str) -> Given:
    """What a browser would send of the form as it is."""
    found: Given = {}
    for tag in re.findall(r"<input\b[^>]*>", form):
        said = {key: unescape(value) for key, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        if "name" not in said or (
            said.get("type") in {"radio", "checkbox"} and "checked" not in tag
        ):
            continue
        before = found.get(said["name"], [])
        found[said["name"]] = [*before, said.get("value", "")]
    for name, options in re.findall(r'(?s)<select id="\w+" name="(\w+)".*?>(.*?)</select>', form):
        found[name] = next(iter(re.findall(r'value="([^"]*)" selected', options)), "")
    return found


def test_the_kind_of_link_is_asked_first(owner: Visitor) -> None:
    shown = owner.get("/settings/source/new").text
    for words in ("It sends DICOM", "A USB stick is carried over", "Serial cable"):
        assert words in shown
    assert re.findall(r"source/new/(\w+)", shown) == [link.word for link in LINKS]
    assert owner.get("/settings/source/new/telepathy").status_code == 404


def test_every_kind_is_found_again_by_its_record() -> None:
    assert {type(source) for _, source in SMALLEST.values()} >= {
        type(link.blank) for link in LINKS
    }
    for word, (_, source) in SMALLEST.items():
        assert [link.word for link in LINKS if link.is_of(source)] == [word]


@pytest.mark.parametrize("kind", SMALLEST)
def test_little_need_be_said(owner: Visitor, box: Box, kind: str) -> None:
    given, source = SMALLEST[kind]
    assert add(owner, kind, given).status_code == 302
    assert sources(box) == (source,)


@pytest.mark.parametrize("kind", FULLEST)
def test_all_can_be_said(owner: Visitor, box: Box, kind: str) -> None:
    given, source = FULLEST[kind]
    assert add(owner, kind, given).status_code == 302
    assert sources(box) == (source,)


@pytest.mark.parametrize(
    ("kind", "given", "source"),
    [(k, *pair) for k, pair in SMALLEST.items()] + [(k, *pair) for k, pair in FULLEST.items()],
)
def test_a_form_that_is_saved_as_it_is_changes_nothing(
    owner: Visitor, box: Box, kind: str, given: Given, source: Source
) -> None:
    add(owner, kind, given)
    shown = fields_of(owner.get("/settings/source/named/x").text)
    assert change(owner, {key: shown[key] for key in shown if key not in {"csrf_token", "name"}})
    assert sources(box) == (source,)


@pytest.mark.parametrize("kind", SMALLEST)
def test_a_new_form_begins_with_what_holds_if_nothing_is_said(
    owner: Visitor, box: Box, kind: str
) -> None:
    given, source = SMALLEST[kind]
    shown = fields_of(owner.get(f"/settings/source/new/{kind}").text)
    assert add(owner, kind, {**shown, "name": "x", "csrf_token": "", **given}).status_code == 302
    assert sources(box) == (source,)


@pytest.mark.parametrize(
    ("kind", "given", "field", "reason"),
    [
        ("drive", {"size_gib": "65"}, "size_gib", "must be from 1 to 64"),
        ("drive", {"label": "röntgen"}, "label", "must be 1 to 11 capital letters"),
        ("mounted", {"mount": "10.0.0.7"}, "mount", "must be like //10.0.0.7/export"),
        ("hosted", {"hosts": "everybody"}, "hosts", "is not an IP address"),
        ("serial", {"path": "ttyS0"}, "path", "must begin with a slash"),
        ("serial", {"path": BY_ID, "end_bytes": "ETX"}, "end_bytes", "in hexadecimal"),
        ("serial", {"path": BY_ID, "idle_s": "soon"}, "idle_s", "must be a number"),
        ("receiver", {"allow.ae_title": "CT1", "allow.host": "", "allow.port": ""},
         "allow-1-host", "is missing"),
        ("receiver", {"allow.ae_title": ["", "A" * 17], "allow.host": ["", "a"],
                      "allow.port": ["", ""]}, "allow-1-ae_title", "1 to 16 characters"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_field(
    owner: Visitor, box: Box, kind: str, given: Given, field: str, reason: str
) -> None:
    answer = add(owner, kind, given)
    assert answer.status_code == 422
    found = re.search(rf'id="{field}-fault">(.*?)</p>', answer.text)
    assert found
    assert reason in found[1]
    assert not settings_path(box.paths.root).exists()


def test_nobody_at_all_may_send_to_a_receiver_is_refused(owner: Visitor) -> None:
    answer = add(owner, "receiver", {"allow.ae_title": "", "allow.host": "", "allow.port": ""})
    assert "must not be empty" in text_of(answer)


def test_a_row_is_added_without_scripts_and_removed_by_emptying_it(
    owner: Visitor, box: Box
) -> None:
    add(owner, "receiver", CT)
    answer = change(owner, CT, action="row")
    assert answer.text.count('name="allow.host"') == 2
    two: Given = {"allow.ae_title": ["", "CT2"], "allow.host": ["", "b"], "allow.port": ["", ""]}
    change(owner, two)
    assert sources(box) == (ReceiverLink(name="x", allow=(Caller(ae_title="CT2", host="b"),)),)
    assert owner.get("/settings/source/named/x").text.count('name="allow.host"') == 1


# --- Passwords


def test_a_password_is_kept_changed_and_dropped_and_never_shown(owner: Visitor, box: Box) -> None:
    def password() -> str:
        (share,) = sources(box)
        assert isinstance(share, ShareLink)
        return share.password

    add(owner, "hosted", {"user": "us", "password": "sesame-1"})
    shown = owner.get("/settings/source/named/x")
    assert "sesame-1" not in shown.text
    assert "Empty: the one that is set stays." in text_of(shown)
    change(owner, {"user": "us", "password": "", "smb1": ["", "on"]})
    assert password() == "sesame-1"
    change(owner, {"user": "us", "password": "sesame-2"})
    assert password() == "sesame-2"
    change(owner, {"user": "", "password": ""})
    assert password() == ""


def test_a_password_is_not_sent_back_when_something_else_is_wrong(owner: Visitor) -> None:
    answer = add(owner, "mounted", {"mount": "x", "user": "us", "password": "geheim"})
    assert answer.status_code == 422
    assert "geheim" not in answer.text
    assert "Type it once more" in text_of(answer)


def test_earlier_settings_show_no_password(owner: Visitor, box: Box) -> None:
    add(owner, "hosted", {"user": "us", "password": "sesame-1"})
    change(owner, {"user": "us", "password": "sesame-2"})
    shown = owner.get("/settings/history/1").text
    assert "sesame-1" not in shown
    assert "sesame-2" not in shown
    assert text_of(owner.get("/settings/history/1")).count("password = …") == 2


# --- What this box knows of itself


def test_the_modality_is_told_where_to_send(owner: Visitor, box: Box) -> None:
    history.publish(box.paths.root, '[box]\nae_title = "ROOM2"\nlisten_port = 104\n')
    assert "AE title ROOM2" in text_of(owner.get("/settings/source/new/receiver"))
    answer = add(owner, "receiver", {**CT, "called": "CTROOM"})
    assert answer.location == "/settings/source/named/x"
    shown = text_of(owner.get(answer.location))
    assert "Saved. It is in force now." in shown
    assert "AE title CTROOM Host" in shown
    assert "Port 104" in shown


def test_a_box_has_the_port_that_modalities_expect_too(owner: Visitor, box: Box) -> None:
    assert "or 104" not in text_of(owner.get("/settings/source/new/receiver"))
    state.tell(box.paths.run.with_name(state.FOLDER), State("jembatan-abcd1234"))
    assert "Port 11112 or 104" in text_of(owner.get("/settings/source/new/receiver"))


def test_the_modality_is_told_its_share(owner: Visitor) -> None:
    assert r"\NAME where names are known" in text_of(owner.get("/settings/source/new/hosted"))
    shown = text_of(owner.get(add(owner, "hosted", {"user": "us", "password": "p"}).location))
    assert r"\x where names are known" in shown
    assert "User us , with the password below" in shown


def test_an_interface_that_is_unplugged_stays_chosen(owner: Visitor) -> None:
    add(owner, "hosted", {"interface": "eth7"})
    assert '<option value="eth7" selected>eth7' in owner.get("/settings/source/named/x").text


def test_adapters_that_are_plugged_in_can_be_chosen(
    owner: Visitor, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No adapter is plugged in now" in text_of(owner.get("/settings/source/new/serial"))
    here = [Adapter(BY_ID, "FTDI FT232R USB UART")]
    monkeypatch.setattr("appliance.web.views.sources.adapters", lambda: here)
    assert "FTDI FT232R USB UART" in text_of(owner.get("/settings/source/new/serial"))
    add(owner, "serial", {"path": [BY_ID, "/dev/left/over"]})
    assert sources(box) == (SerialLink(name="x", path=BY_ID),)
    shown = owner.get("/settings/source/named/x").text
    assert f'value="{BY_ID}" checked' in shown
    change(owner, {"path": ["", "/dev/ttyS0"]})
    assert sources(box) == (SerialLink(name="x", path="/dev/ttyS0"),)
    assert 'value="/dev/ttyS0"' in owner.get("/settings/source/named/x").text


def test_hints_call_fields_as_the_forms_do(owner: Visitor) -> None:
    tables = ["box", "destination/new", "profile/new", "worklist/new"]
    places = [*tables, *(f"source/new/{link.word}" for link in LINKS)]
    forms = " ".join(owner.get(f"/settings/{place}").text for place in places)
    for label in LABELS.values():
        field = rf"<(label|legend)[^>]*>(<input[^>]*>)?{re.escape(label)}</"
        assert re.search(field, forms), label
    assert in_words("Set a smaller `size_gib`, or run `x y`.") == (
        "Set a smaller “Size in GB”, or run `x y`."
    )
    assert in_words("Say it (`set`).") == "Say it (“set” in the settings file)."


# --- The overview


def test_the_overview_tells_sources_apart(owner: Visitor, box: Box) -> None:
    text = "".join(
        f'[[source]]\nname = "{name}"\n{lines}\n'
        for name, lines in {
            "a": 'kind = "stick"',
            "b": 'kind = "drive"',
            "c": 'kind = "share"\nhosted = true\nsmb1 = true\ninterface = "eth1"',
            "d": 'kind = "share"\nmount = "//10.0.0.7/export"',
            "e": f'kind = "serial"\npath = "{BY_ID}"\nprotocol = "zmodem"',
            "f": 'kind = "receiver"\nallow = [{ ae_title = "CT1", host = "h" }]',
            "g": 'kind = "folder"\npath = "/srv/g"\nafter = "delete"',
        }.items()
    )
    history.publish(box.paths.root, text)
    shown = text_of(owner.get("/settings"))
    for words in (
        "a USB sticks", "b Poses as a USB stick of 8 GB named EXPORT",
        "c Network share “c” of this box , SMB1 allowed", "d Fetched from //10.0.0.7/export",
        "e Serial line, 9600 8N1, ZMODEM", "f DICOM from CT1", "g Folder /srv/g , then deleted",
    ):  # fmt: skip
        assert words.replace(" ,", ",") in shown
