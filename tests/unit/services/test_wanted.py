"""Services that come and leave by the settings."""

from __future__ import annotations

import pytest

from appliance.services.wanted import wanted
from appliance.settings.load import parse

RECEIVER = (
    '[[source]]\nname = "ct"\nkind = "receiver"\nallow = [{ ae_title = "CT", host = "h" }]\n'
)
HOSTED = (
    '[[source]]\nname = "cr"\nkind = "share"\nhosted = true\nuser = "u"\npassword = "secret12"\n'
)
MOUNTED = '[[source]]\nname = "us"\nkind = "share"\nmount = "//h/export"\n'
PACS = (
    '[[destination]]\nname = "pacs"\nhost = "h"\nport = 1\nae_title = "P"\nconfirm = "{confirm}"\n'
)


@pytest.mark.parametrize(
    ("settings", "services"),
    [
        ("", []),
        (MOUNTED, []),
        (HOSTED, ["share"]),
        (RECEIVER, ["receive"]),
        (PACS.format(confirm="commitment"), ["receive"]),
        (PACS.format(confirm="response"), []),
        (RECEIVER + HOSTED, ["receive", "share"]),
    ],
)
def test_the_settings_say_who_is_wanted(settings: str, services: list[str]) -> None:
    assert wanted(parse(settings)) == services
