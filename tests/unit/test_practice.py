from __future__ import annotations

import re

from appliance.settings.links import FolderLink
from appliance.settings.load import parse
from tests.peers import practice
from tests.peers.orthanc import Orthanc


def test_the_practice_box_sends_what_is_dropped_to_the_practice_pacs() -> None:
    settings = parse(practice.configuration(Orthanc("PRACTICE", 4242, 8042)))
    (source,), (destination,) = settings.sources, settings.destinations
    assert (destination.host, destination.port) == ("127.0.0.1", 4242)
    assert isinstance(source, FolderLink)
    assert source.path == str(practice.EXPORT.absolute())


def test_the_names_a_newcomer_is_shown_mean_what_is_said() -> None:
    (profile,) = parse(practice.configuration(Orthanc("PRACTICE", 4242, 8042))).profiles
    said = {name: re.search(profile.filename, name) for name in practice.WELCOME.split("'")}
    (found,) = filter(None, said.values())
    assert found.groupdict() == {
        "PatientID": "P1001",
        "AccessionNumber": "A77",
        "PatientName": "DOE^JANE",
        "StudyDate": "20260102",
    }
