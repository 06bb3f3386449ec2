"""What became of an update that did not stay is told on the first page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.box import news
from appliance.box.record import Record, Stage

if TYPE_CHECKING:
    from pathlib import Path

GOOD = Record(Stage.GOOD, "2026-03-14T09:26:53.000+00:00", "u.raucb", "0.5.0", "0.4.0", "B", "abc")


def codes(run: Path) -> list[str]:
    return [notice.code for notice in news.told(run)]


def test_good_news_are_none(tmp_path: Path) -> None:
    news.tell(tmp_path, GOOD)
    assert codes(tmp_path) == []


@pytest.mark.parametrize("stage", [Stage.FELL_BACK, Stage.CUT_SHORT])
def test_what_did_not_stay_is_told_until_the_next_start(tmp_path: Path, stage: Stage) -> None:
    news.tell(tmp_path, replace(GOOD, stage=stage))
    assert codes(tmp_path) == [stage.value if stage is Stage.FELL_BACK else "update-cut-short"]
    (tmp_path / "update-news.json").write_text("{")
    assert codes(tmp_path) == []
