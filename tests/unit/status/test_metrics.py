from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from appliance.errors import NobodyAnswers
from appliance.journal.certificates import Holder, Paper
from appliance.model import DeliveryState, ItemState
from appliance.settings.schema import Settings
from appliance.status import metrics
from appliance.status.snapshot import take
from tests.builders.box import NOT_ANSWERING, Box
from tests.fakes.clock import FakeClock
from tests.unit.status.test_snapshot import BAD, ORDERED, SETTINGS

Labels = tuple[tuple[str, str], ...]


def numbers(box: Box, *problems: Exception) -> dict[tuple[str, *tuple[str, ...]], float]:
    snapshot = take(box.journal, SETTINGS, problems, box.clock)  # type: ignore[arg-type]
    return {
        (sample.name.removeprefix("jembatan_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.render(snapshot))
        for sample in family.samples
    }


def test_a_new_box_has_numbers() -> None:
    text = metrics.render(take(None, Settings(), (), FakeClock()))
    assert 'jembatan_lamps{state="idle"} 1.0' in text
    assert "jembatan_build_info" in text


def test_the_road_in_numbers(box: Box) -> None:
    box.one_of_each()
    box.clock.passes(minutes=5)
    found = numbers(box)
    assert {found["items", state] for state in ItemState} == {1}
    assert found["attention", "no-identity"] == found["attention", "unsupported-format"] == 1
    assert found["oldest_waiting_seconds",] == 300
    assert found["source_last_arrival_age_seconds", "cr"] == 300
    assert found["deliveries", "pacs", "prepared"] == 1
    assert found["deliveries_confirmed_total", "pacs"] == 1
    assert found["lamps", "needs a person"] == 1
    assert found["lamps", "idle"] == 0
    assert 0 < found["disk_free_bytes",] <= found["disk_size_bytes",]


def test_a_destination_is_up_or_down_once_it_was_tried(box: Box) -> None:
    assert ("destination_up", "pacs") not in numbers(box)
    box.journal.custody.set_place("destination", "pacs", "up", ok=True)
    assert numbers(box)["destination_up", "pacs"] == 1
    assert numbers(box)["destination_last_success_timestamp_seconds", "pacs"] == (
        box.clock.utc().timestamp()
    )
    box.journal.custody.set_place("destination", "pacs", "down", NOT_ANSWERING)
    assert numbers(box)["destination_up", "pacs"] == 0


def test_a_certificate_has_an_end(box: Box) -> None:
    end = box.clock.utc()
    holder = Holder("destination", "pacs", "theirs")
    box.journal.certificates.seen(Paper(holder, "CN=pacs", "AB", end))
    found = numbers(box)
    assert found["certificate_expiry_timestamp_seconds", *holder] == pytest.approx(end.timestamp())
    assert found["notices", "certificate-ended"] == 1


def test_a_source_is_in_one_state(box: Box) -> None:
    box.journal.custody.set_place("source", "cr", "unplugged", NOT_ANSWERING)
    found = numbers(box)
    assert found["source_up", "cr"] == 0
    assert [key for key in found if key[0] == "source_state"] == [
        ("source_state", "cr", "unplugged")
    ]


def test_a_stick_in_numbers(box: Box) -> None:
    reading = NobodyAnswers(path="stick", why="it is read", done=3, total=10)
    box.journal.custody.set_place("source", "cr", "reading", reading)
    found = numbers(box)
    assert (found["stick_files_read", "cr"], found["stick_files_found", "cr"]) == (3, 10)
    assert found["source_up", "cr"] == 1


def test_refused_settings_are_counted(box: Box) -> None:
    assert numbers(box)["settings_problems",] == 0
    assert numbers(box, BAD)["settings_problems",] == 1


def test_no_patient_no_file_and_no_uid_is_named(box: Box) -> None:
    box.delivery(DeliveryState.HELD, "SITI_4711.tif")
    box.item(ItemState.QUARANTINED, "BUDI_4712.doc")
    text = metrics.render(take(box.journal, SETTINGS, (), box.clock))
    assert not [word for word in ("SITI", "4711", "BUDI", "4712", "1.2.3") if word in text]


def test_names_are_in_base_units_and_counters_end_in_total(box: Box) -> None:
    text = metrics.render(take(box.journal, SETTINGS, (), box.clock))
    for family in text_string_to_metric_families(text):
        assert family.name.startswith("jembatan_")
        assert family.documentation.endswith(".")
        assert not family.name.endswith(("_ms", "_kb", "_mb", "_minutes"))
        assert family.type in {"gauge", "counter"}


def test_a_worklist_is_up_or_down_once_it_was_asked(box: Box) -> None:
    def ris() -> dict[str, float]:
        text = metrics.render(take(box.journal, ORDERED, (), box.clock))
        samples = [s for f in text_string_to_metric_families(text) for s in f.samples]
        return {s.name: s.value for s in samples if s.labels == {"worklist": "ris"}}

    assert ris() == {"jembatan_worklist_orders": 0}
    box.journal.custody.set_place("worklist", "ris", "ok", ok=True)
    box.clock.passes(minutes=2)
    assert ris()["jembatan_worklist_up"] == 1
    assert ris()["jembatan_worklist_age_seconds"] == 120
    box.journal.custody.set_place("worklist", "ris", "failed", NOT_ANSWERING)
    assert ris()["jembatan_worklist_up"] == 0
