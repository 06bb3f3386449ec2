"""The documents that are printed: conformance statement, setup sheet for one PACS."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.desk.conformance.statement import statement
from appliance.dicom.pdu import IMPLEMENTATION_VERSION_NAME
from appliance.settings import history
from tests.web.visitor import text_of

if TYPE_CHECKING:
    from tests.builders.box import Box
    from tests.web.browser import Person
    from tests.web.visitor import Visitor

SETTINGS = """
[box]
name = "CR room 2"
ae_title = "CR2BOX"
timezone = "Asia/Jakarta"
contact = "Ms Sari, medical engineering, extension 4711"
tls_port = 2762
tls_cert = "/data/etc/box.pem"
tls_key = "/data/etc/box.key"

[[profile]]
name = "cr"
sop_class = "CR"

[[profile]]
name = "us"
sop_class = "US"

[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"
profile = "cr"

[[source]]
name = "us"
kind = "receiver"
profile = "us"
allow = [{ ae_title = "US1", host = "10.0.0.21" }]

[[source]]
name = "old"
kind = "share"
mount = "//10.0.0.30/export"
user = "box"
password = "hunter2"

[[worklist]]
name = "ris"
host = "ris.hospital.example"
port = 5001
ae_title = "RIS"
calling_ae_title = "CR2WL"

[[destination]]
name = "pacs"
host = "10.0.0.5"
port = 5000
ae_title = "JIVEX"
calling_ae_title = "Import"
commitment = { host = "10.0.0.6", port = 5104, ae_title = "JIVEXSC" }
associations = 2

[[destination]]
name = "trial"
host = "10.0.0.9"
port = 104
ae_title = "TRIAL"
environment = "test"
confirm = "response"
"""


def test_the_statement_has_every_section_and_no_secret(owner: Visitor, box: Box) -> None:
    history.publish(box.paths.root, SETTINGS)
    shown = text_of(owner.get("/conformance"))
    for section in statement():
        assert f"{section.number} {section.title}" in shown
    assert IMPLEMENTATION_VERSION_NAME in shown
    assert "hunter2" not in shown
    assert "10.0.0.5" not in shown


def test_the_statement_is_a_file_too(owner: Visitor) -> None:
    answer = owner.get("/conformance.md")
    assert answer.content_type == "text/markdown; charset=utf-8"
    assert 'filename="jembatan-conformance.md"' in answer.headers["Content-Disposition"]
    assert "## 1 Overview" in answer.text


def test_the_sheet_is_filled_in(owner: Visitor, box: Box) -> None:
    history.publish(box.paths.root, SETTINGS)
    shown = text_of(owner.get("/setup-sheet"))
    assert "CR room 2 and pacs" in shown
    assert "AE title Import Host" in shown
    assert "Reports go to Import, port 11112; with TLS 2762" in shown
    assert "AE title JIVEX" in shown
    assert "Commitment at JIVEXSC, 10.0.0.6, port 5104" in shown
    assert "Computed Radiography Image" in shown
    assert "AE title of this box there CR2WL" in shown
    assert "10.0.0.6 this box TCP 11112, 2762 DICOM: reports on stored images" in shown
    assert "Ms Sari" in shown
    assert "hunter2" not in shown


def test_a_sheet_of_its_own_for_each_pacs(owner: Visitor, box: Box) -> None:
    history.publish(box.paths.root, SETTINGS)
    shown = text_of(owner.get("/setup-sheet", query={"destination": "trial"}))
    assert "CR room 2 and trial (for tests)" in shown
    assert "Reports go to" not in shown
    assert "CR2WL" not in shown  # that worklist is for real patients
    assert owner.get("/setup-sheet", query={"destination": "nobody"}).status_code == 404


def test_without_a_pacs_there_is_nothing_to_fill_in(owner: Visitor) -> None:
    assert "No PACS is named yet" in text_of(owner.get("/setup-sheet"))
    assert owner.get("/setup-sheet", query={"destination": "nobody"}).status_code == 404


def test_who_to_call_is_set_on_the_page(owner: Visitor, box: Box) -> None:
    history.publish(box.paths.root, SETTINGS)
    form = owner.get("/settings/box").text
    found = re.search(r'name="contact"[^>]*value="([^"]*)"', form)
    assert found
    assert found[1].startswith("Ms Sari")


def test_on_a_phone_on_a_screen_and_on_paper(person: Person, box: Box) -> None:
    history.publish(box.paths.root, SETTINGS)
    person.visit("/settings")
    person.press("Setup sheet")
    person.sees("Enter in the PACS")
    person.photograph("setup-sheet")
    assert person.prints("setup-sheet") == 1
    person.visit("/settings")
    person.press("DICOM conformance statement")
    person.sees("Network services")
    person.photograph("conformance")
    assert 5 < person.prints("conformance") < 40
    assert person.complaints() == []
