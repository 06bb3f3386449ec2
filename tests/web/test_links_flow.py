"""The forms of sources and the status of a stick in a real browser, at both widths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.board.adapters import Adapter
from appliance.errors import StickReading
from appliance.settings.current import Current

if TYPE_CHECKING:
    from tests.builders.box import Box
    from tests.web.browser import Person

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]

BY_ID = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A9007-if00-port0"


def add(person: Person, kind: str, name: str) -> None:
    person.visit("/settings")
    person.press("Add a modality")
    person.press(kind)
    person.fill("Name", name)


def test_each_kind_of_link_is_named_and_a_stick_is_followed(
    person: Person, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = [Adapter(BY_ID, "FTDI FT232R USB UART")]
    monkeypatch.setattr("appliance.web.views.sources.adapters", lambda: here)
    person.visit("/settings/source/new")
    person.photograph("links")
    a_receiver(person)
    a_share_of_this_box(person)
    a_share_of_the_modality(person)
    a_serial_line(person)
    add(person, "The box poses as a USB stick", "mr")
    person.photograph("link-drive")
    person.press("Save")
    add(person, "A USB stick is carried over", "stick")
    person.press("Save")
    person.sees("Saved. It is in force now.")
    names = [source.name for source in Current(box.paths.root).get().sources]
    assert names == ["ct", "us", "cr", "ecg", "mr", "stick"]
    a_stick_is_read(person, box)
    assert person.complaints() == []


def a_receiver(person: Person) -> None:
    add(person, "It sends DICOM", "ct")
    person.fill("AE title", "CT1")
    person.fill("Host", "not a host")
    person.enter("Host")  # saves, and does not press the button for another row
    person.sees("is not a host name or an IP address")
    person.fill("Host", "10.0.0.9")
    person.press("Another modality")
    person.press("Save")
    person.sees("Enter this at the modality AE title JEMBATAN")
    person.photograph("link-receiver-told")


def a_share_of_this_box(person: Person) -> None:
    add(person, "It writes to a network share of this box", "us")
    person.fill("User", "vscan")
    person.fill("Password", "geheim")
    person.open("For very old modalities")
    person.tick("Allow SMB1")
    person.photograph("link-hosted")
    person.press("Save")
    person.sees("needs an interface of the modality's own, or its address in hosts")
    person.open("More")
    person.fill("Only these addresses may connect", "10.0.0.7")
    person.fill("Password", "geheim")
    person.press("Save")
    person.sees(r"\us where names are known in the network")


def a_share_of_the_modality(person: Person) -> None:
    add(person, "The box fetches from a share of the modality", "cr")
    person.fill("Share of the modality", "//10.0.0.7/export")
    person.open("More")
    person.choose("Version of the sharing", "SMB 1.0: Windows XP and older")
    person.photograph("link-mounted")
    person.press("Save")
    person.sees("Saved. It is in force now.")


def a_serial_line(person: Person) -> None:
    add(person, "Serial cable", "ecg")
    person.tick("FTDI FT232R USB UART")
    person.choose("What comes over the line", "Files by ZMODEM")
    person.photograph("link-serial")
    person.press("Save")
    person.sees("Saved. It is in force now.")


def a_stick_is_read(person: Person, box: Box) -> None:
    tell = box.journal.custody.set_place
    person.press("Status")
    person.sees("Safe only on a closed network")
    reading = StickReading(label="KINGSTON", progress="37 of 120", done=37, total=120, taken=3)
    tell("source", "stick", "reading", reading)
    person.sees("Do not pull the stick")
    person.photograph("status-do-not-pull")
    tell("source", "stick", "safe")
    person.sees("You can pull the stick")
