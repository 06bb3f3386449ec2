"""Names of files that say something of a patient, and names that the box made up."""

from __future__ import annotations

import pytest

from appliance.settings.load import parse
from appliance.settings.naming import named
from appliance.settings.schema import Trust

SERIAL = 'kind = "serial"\npath = "/dev/serial/by-id/x"\nprotocol = "{}"'
RECEIVER = 'kind = "receiver"\nallow = [{ ae_title = "CR1", host = "10.0.0.7" }]'
NUMBERED = """
    [[source]]
    name = "modality"
    profile = "numbered"
    {}
    [[profile]]
    name = "numbered"
    filename = '(?P<PatientID>[0-9]{{4,8}})'
    identity = "trust"
"""


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (RECEIVER, "CR1/1.2.3456.dcm"),
        (SERIAL.format("capture"), "20240314T100000Z-1a2b3c4d.jpg"),
        (SERIAL.format("xmodem"), "20240314T100000Z-1a2b3c4d.jpg"),
    ],
)
def test_the_name_that_a_file_gets_here_says_nothing_about_its_patient(
    kind: str, name: str
) -> None:
    profile = parse(NUMBERED.format(kind)).profile_of("modality")
    assert profile is not None
    assert profile.identity is Trust.TRUST
    assert profile.filename == ""
    assert named(profile, name) == {}


@pytest.mark.parametrize(
    "kind",
    [
        'kind = "folder"\npath = "/srv/cr"',
        'kind = "stick"',
        'kind = "drive"',
        'kind = "share"\nhosted = true',
        SERIAL.format("ymodem"),
        SERIAL.format("zmodem"),
    ],
)
def test_the_name_that_it_came_with_does(kind: str) -> None:
    settings = parse(NUMBERED.format(kind))
    assert named(settings.profile_of("modality"), "4711.dcm") == {"PatientID": "4711"}
