from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.call import Server
from appliance.desk.worklist import Answer, ask_deliver
from appliance.errors import NobodyAnswers, WorklistUnsupported
from appliance.settings.schema import Worklist

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RIS = Worklist("ris", "10.0.0.2", 104, "RIS", station_ae_title="CR2", charset="utf_8")


def test_deliver_is_asked_and_tells_numbers_only(tmp_path: Path) -> None:
    asked: list[Mapping[str, object]] = []

    def worklist(request: Mapping[str, object]) -> Mapping[str, object]:
        asked.append(request)
        return {"orders": 12, "undated": 1, "unreadable": 3}

    server = Server(tmp_path / "deliver.sock", {"worklist": worklist})
    server.start()
    assert ask_deliver(tmp_path, RIS) == Answer(None, 12, 1, 3)
    server.close()
    assert asked == [
        {
            "op": "worklist",
            "name": "ris",
            "host": "10.0.0.2",
            "port": 104,
            "ae_title": "RIS",
            "calling_ae_title": "",
            "station_ae_title": "CR2",
            "charset": "utf_8",
            "tls": None,
        }
    ]


def test_why_it_could_not_tell_is_told(tmp_path: Path) -> None:
    def worklist(_: Mapping[str, object]) -> Mapping[str, object]:
        raise WorklistUnsupported(peer="RIS", why="it does not offer worklists")

    server = Server(tmp_path / "deliver.sock", {"worklist": worklist})
    server.start()
    answer = ask_deliver(tmp_path, RIS)
    server.close()
    assert not answer.ok
    assert answer.problem is not None
    assert answer.problem.code == "worklist-unsupported"
    assert answer.problem.hint == WorklistUnsupported.hint


def test_where_deliver_does_not_run_nothing_is_known(tmp_path: Path) -> None:
    with pytest.raises(NobodyAnswers):
        ask_deliver(tmp_path, RIS)
