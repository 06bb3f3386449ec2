"""Dates as devices write them: taken where they can mean one day only."""

from __future__ import annotations

import pytest

from appliance.convert.dates import da, tm


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("20260102", "20260102"),
        ("2026-01-02", "20260102"),
        ("2026.01.02", "20260102"),
        ("2026:01:02", "20260102"),
        ("2026/01/02", "20260102"),
        (" 20260102 ", "20260102"),
        ("02.01.2026", ""),
        ("01/02/2026", ""),
        ("2026-01.02", ""),
        ("20261301", ""),
        ("20260230", ""),
        ("20240229", "20240229"),
        ("20250229", ""),
        ("260102", ""),
        ("0000-00-00", ""),
        ("", ""),
    ],
)
def test_a_date_is_told_only_where_it_is_certain(text: str, found: str) -> None:
    assert da(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("101112", "101112"),
        ("10:11:12", "101112"),
        ("10:11", "1011"),
        ("101112.123456", "101112.123456"),
        ("235960", "235960"),
        ("10:1112", ""),
        ("241112", ""),
        ("106012", ""),
        ("10", ""),
        ("", ""),
    ],
)
def test_a_time_is_told_only_where_it_is_one(text: str, found: str) -> None:
    assert tm(text) == found
