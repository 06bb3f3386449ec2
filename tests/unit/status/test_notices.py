"""What is told of settings that are in order and a risk all the same."""

from __future__ import annotations

import re

import pytest

from appliance.settings.load import parse
from appliance.status.notices import notices

FENCE = 'interface = "eth1"'


def told(*lines: str) -> list[str]:
    share = ["[[source]]", 'name = "us"', 'kind = "share"', *lines]
    found = notices(parse("\n".join(share)))
    assert {notice.code for notice in found} <= {"smb1-on"}
    return [notice.sentence for notice in found]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["hosted = true", "smb1 = true", FENCE], "us uses SMB1"),
        (["hosted = true", "ntlmv1 = true", "smb1 = true", FENCE], "us uses SMB1 .* and NTLMv1"),
        (['mount = "//10.0.0.7/export"', 'version = "1.0"'], "us uses SMB1"),
    ],
)
def test_old_sharing_is_told(lines: list[str], words: str) -> None:
    (sentence,) = told(*lines)
    assert re.match(words, sentence)


@pytest.mark.parametrize(
    "lines", [["hosted = true"], ['mount = "//10.0.0.7/export"', 'version = "3.0"']]
)
def test_new_sharing_is_not(lines: list[str]) -> None:
    assert told(*lines) == []
