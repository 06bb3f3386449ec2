from __future__ import annotations

import pytest

from appliance.desk.emergency import card
from appliance.settings.load import parse

BOX = """
[box]
name = "CR room 2"
contact = "Ms Sari"

[[destination]]
name = "pacs"
host = "10.0.0.5"
port = 5000
ae_title = "JIVEX"

[[destination]]
name = "trial"
host = "10.0.0.6"
port = 104
ae_title = "TRIAL"
environment = "test"
"""


@pytest.mark.parametrize(
    ("link", "where", "by_hand"),
    [
        ('kind = "folder"\npath = "/srv/cr"', "/srv/cr", "Copy the files"),
        ('kind = "stick"', "USB stick", "Copy the files"),
        ('kind = "drive"', "believes the box to be", "empty stick"),
        ('kind = "share"\nhosted = true', r"\\jembatan-1\cr", "anew"),
        ('kind = "share"\nmount = "//10.0.0.7/x"', "//10.0.0.7/x", "Copy the files"),
        ('kind = "serial"\npath = "/dev/ttyUSB0"', "nowhere", "Print"),
        (
            'kind = "receiver"\nallow = [{ ae_title = "US", host = "10.0.0.8" }]',
            "own archive",
            "send to the PACS itself",
        ),
    ],
)
def test_of_every_kind_of_source_it_says_where_its_images_are(
    link: str, where: str, by_hand: str
) -> None:
    found = card(parse(f'{BOX}\n[[source]]\nname = "cr"\n{link}\n'), "jembatan-1")
    (modality,) = found.modalities
    assert modality.name == "cr"
    assert where in modality.where
    assert by_hand in modality.by_hand


def test_images_belong_in_the_pacs_for_real_patients() -> None:
    found = card(parse(BOX), "jembatan-1")
    assert [each.address for each in found.archives] == ["JIVEX at 10.0.0.5, port 5000"]
    assert (found.box, found.contact) == ("CR room 2", "Ms Sari")
