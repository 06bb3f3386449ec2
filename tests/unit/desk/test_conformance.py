"""The conformance statement: its sections, and tables that agree with what decides."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from appliance.__main__ import main
from appliance.desk.conformance import contexts, objects, policies, statuses
from appliance.desk.conformance.contexts import Role, accepted, proposed
from appliance.desk.conformance.parts import Section, Table, markdown
from appliance.desk.conformance.policies import WHAT_IS_DONE
from appliance.desk.conformance.statement import statement
from appliance.dicom.sender import Answer
from appliance.errors import CalledAeUnknown, ContextRefused, PeerBusy, PortClosed
from appliance.forward.confirm import REASONS
from appliance.forward.outcome import STATUSES, Action, of_answer
from appliance.route.iod import CLASSES
from appliance.settings import sop_classes as sop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.desk.conformance.parts import Row

CODES = [row.first for row in STATUSES] + [row.last for row in STATUSES] + [0x1234, 0xFFFF]


def tables() -> Iterator[Table]:
    return (table for section in statement() for table in section.tables)


def row_for(status: int) -> Row:
    """The first row of the rendered table that fits, as its reader would look it up."""
    for row in statuses.of_store().rows:
        first, _, last = row[0].partition(" to ")
        if row[0] == "any other" or int(first, 16) <= status <= int(last or first, 16):
            return row
    raise AssertionError(status)


def test_every_table_is_in_the_statement_and_every_row_is_as_wide_as_its_head() -> None:
    titles = [table.title for table in tables()]
    assert len(set(titles)) == len(titles)
    activities = {f"Presentation contexts: {each.activity.lower()}" for each in
                  (*proposed(), *accepted())}  # fmt: skip
    assert activities <= set(titles)
    for table in tables():
        assert table.rows, table.title
        assert {len(row) for row in table.rows} == {len(table.head)}, table.title


def test_sections_are_numbered_in_order() -> None:
    numbers = [[int(part) for part in each.number.split(".")] for each in statement()]
    assert numbers == sorted(numbers)
    for section in statement():
        assert "{" not in "".join(section.texts), section.number


@pytest.mark.parametrize("status", sorted(set(CODES)), ids="{:04X}".format)
def test_a_status_is_handled_as_the_table_says(status: int) -> None:
    verdict = of_answer("pacs", Answer(status))
    _, category, code, behaviour = row_for(status)
    assert behaviour.startswith(WHAT_IS_DONE[verdict.action])
    assert code == (verdict.why.code if verdict.why else "")
    assert ("A person is told." in behaviour) is verdict.alert
    assert (category == "Failure") is (verdict.action is not Action.SENT)


def test_a_full_destination_blames_no_image() -> None:
    (row,) = [row for row in statuses.of_store().rows if row[0] == "A700 to A7FF"]
    assert row[1:3] == ("Failure", "out-of-room")
    assert row[3] == (
        "The same bytes are sent again later; other images go on. Several images in a row: "
        "everything for the destination waits; no image is blamed."
    )


def test_each_failure_reason_of_commitment_has_its_row() -> None:
    assert [int(row[0], 16) for row in statuses.of_reasons().rows] == list(REASONS)


@pytest.mark.parametrize(
    ("problem", "action"),
    [
        (CalledAeUnknown, Action.DESTINATION_STOPPED),
        (PeerBusy, Action.DESTINATION_BUSY),
        (PortClosed, Action.DESTINATION_DOWN),
        (ContextRefused, Action.HOLD),
    ],
)
def test_what_becomes_of_a_failed_association(problem: type[PortClosed], action: Action) -> None:
    assert policies.action_of(problem) is action


def test_made_objects_and_what_they_must_say() -> None:
    common, of_images, *own = objects.made().rows
    assert "PatientName" in common[4]
    assert "PatientOrientation" in of_images[4]
    rows = {row[1]: row for row in own}
    assert list(rows) == list(CLASSES)
    assert "ImageLaterality" in rows[sop.DX_FOR_PRESENTATION][3]
    assert rows[sop.CR_IMAGE][4] == "BodyPartExamined, ViewPosition"
    assert "SeriesNumber 1" in rows[sop.ENCAPSULATED_PDF][2]


def test_the_overview_says_both_roles_of_each_service() -> None:
    rows = {row[0]: row[2:] for row in contexts.services().rows}
    assert rows["Verification"] == ("Yes", "Yes")
    assert rows["Storage Commitment Push Model"] == ("Yes", "Yes")
    assert rows["Study Root Query (FIND)"] == ("Yes", "No")
    assert rows["Modality Worklist (FIND)"] == ("Yes", "No")
    reporting = [each for each in proposed() if each.role is Role.SCP]
    assert [each.negotiation for each in reporting] == [
        "SCP/SCU role selection: SCU role 0, SCP role 1"
    ]


def test_plain_text_keeps_every_cell_in_its_column() -> None:
    table = Table("A title", ("One", "Two"), (("a|b", "c"),))
    text = markdown("Whole", [Section("1.2", "Part", ("Words.",), (table,))])
    assert text.splitlines() == [
        *("# Whole", "", "### 1.2 Part", "", "Words.", "", "**A title**", ""),
        *("| One | Two |", "| --- | --- |", "| a/b | c |"),
    ]


def test_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("# Jembatan ")
    for section in statement():
        assert f"{section.number} {section.title}" in said


def test_it_needs_no_pixels_and_no_data_sets() -> None:
    """The service of the page makes it, and has to stay small."""
    code = "import sys, appliance.desk.conformance.statement as s; s.text(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "pydicom", "pynetdicom"} & set(done.stdout.split())
