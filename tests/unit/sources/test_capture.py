"""What is captured, by a clock that stands still: never half a report, never another's patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from appliance.errors import DiskFull
from appliance.intake.accept import Intake
from appliance.settings.links import SerialLink
from appliance.settings.naming import named
from appliance.settings.schema import Profile
from appliance.sources.line.capture import Capture
from appliance.sources.line.staging import Staging, is_draft
from tests.builders import pictures
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from appliance.journal.arrivals import Accepted
    from appliance.model import Arrival, Item

IDLE_S = 5.0
SESSION_S = 4 * IDLE_S
SITI = (
    b"\x0bMSH|^~\\&|US|ROOM2|BOX|BOX|20260506120000||ORU^R01|M1|P|2.3\r"
    b"PID|1||4711^^^RS^MR||SITI^AMINAH||19800102|F\r\x1c\r"
)
BUDI = SITI.replace(b"4711", b"4712").replace(b"SITI^AMINAH", b"BUDI")
UNCLEAR = SITI.replace(b"SITI", b"\xdcMIT")
REPORT = b"REPORT\r\nNormal findings.\r\n"


class Line:
    """What a modality says, and what it hears."""

    def __init__(self) -> None:
        self.coming: list[bytes] = []
        self.heard = b""
        self.failures: int | None = 3  # counted before anything came

    def fileno(self) -> int:
        return -1

    def read(self) -> bytes:
        return self.coming.pop(0) if self.coming else b""

    def write(self, content: bytes) -> None:
        self.heard += content

    def is_there(self) -> bool:
        return True

    def errors(self) -> int | None:
        return self.failures

    def lend(self) -> int:
        return -1

    def close(self) -> None:
        pass


class Card(Intake):
    """An intake that may find no room, as the staging folder may."""

    is_full = False

    def accept(self, arrival: Arrival, *arguments: Any, **more: Any) -> Accepted:
        if self.is_full:
            raise DiskFull(where="the card")
        return super().accept(arrival, *arguments, **more)


class Desk:
    """A capture, turned by hand; it has listened long enough to know how a frame begins."""

    def __init__(self, root: Path, profile: Profile | None = None, **settings: Any) -> None:
        self.box = Box(root)
        self.line = Line()
        self.card = Card(self.box.journal)
        self.profile = profile
        self.link = SerialLink(
            **{"name": "us", "path": "/dev/ttyS9", "idle_s": IDLE_S, **settings}
        )
        self.staging = Staging(root / "serial", self.link, profile, self.card, self.box.clock)
        self.opens()
        self.passes(IDLE_S)

    def opens(self) -> None:
        """The line, at this moment."""
        self.capture = Capture(self.link, self.profile, self.staging, self.box.clock)
        self.turns()

    def passes(self, seconds: float) -> None:
        self.box.clock.passes(seconds=seconds)
        self.turns()

    def turns(self) -> None:
        self.capture.turn(self.line)

    def says(self, content: bytes, quiet_s: float = 0.0) -> None:
        """A frame, until it is over by silence; then nothing for another while."""
        self.line.coming = [content]
        self.turns()
        self.passes(IDLE_S)
        self.passes(quiet_s)

    def items(self) -> list[Item]:
        count = sum(self.box.journal.ledger.item_counts().values())
        return [self.box.journal.items.get(n) for n in range(1, count + 1)]

    def images(self) -> list[tuple[str, bool]]:
        """Each image and report: what became of it, and whether a message speaks of it."""
        every = [item for item in self.items() if not item.name.endswith(".hl7")]
        return [(self.fate(item), bool(item.sidecars)) for item in every]

    def fate(self, item: Item) -> str:
        codes = {row["id"]: row["code"] for row in self.box.journal.ledger.attention()}
        return str(codes.get(item.id, item.state))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(profile: Profile | None = None, **settings: Any) -> Desk:
        made.append(Desk(tmp_path / f"{len(made)}", profile, **settings))
        return made[-1]

    yield make
    for each in made:
        each.box.close()


def png(number: int = 0) -> bytes:
    return pictures.saved(pictures.grey(8, film=number), "PNG")


def test_what_it_is_called_here_names_nobody_though_names_come_by_now(
    desk: Callable[..., Desk],
) -> None:
    """The line is set to ZMODEM, and what waits for a person is read again."""
    there = desk()
    there.says(png(), SESSION_S)
    draft, file = there.staging.draft()
    file.close()
    (item,) = there.items()
    assert item.name.endswith(".png")
    greedy = Profile(filename="(?P<PatientID>[0-9a-f]+)")
    for name in (item.name, draft.name, there.staging.any_name()):
        assert named(greedy, name) == {}
    assert named(greedy, "20240314_1.png") == {"PatientID": "20240314"}


# --- whole or not --------------------------------------------------------------------------------


def test_half_a_report_that_had_begun_before_anybody_listened_is_not_a_whole_one(
    desk: Callable[..., Desk],
) -> None:
    there = desk()
    there.opens()
    there.says(b"findings\r\nof the other half\r\n")
    there.says(REPORT)
    assert there.images() == [("incomplete", False), ("arrived", False)]


@pytest.mark.parametrize(
    ("settings", "content"),
    [
        ({"start_bytes": "02", "end_bytes": "03"}, b"\x02" + REPORT),
        ({"start_bytes": "02", "end_bytes": "03"}, REPORT + b"\x03"),
        ({"end_bytes": "03"}, REPORT),
        ({}, b"\x02" + REPORT),
    ],
    ids=["no-end", "no-start", "only-end-is-set", "nothing-is-set"],
)
def test_a_report_without_its_frame_is_not_a_whole_one(
    desk: Callable[..., Desk], settings: dict[str, str], content: bytes
) -> None:
    there = desk(**settings)
    there.says(content)
    assert there.images() == [("incomplete", False)]


def test_an_image_is_whole_whatever_its_frame(desk: Callable[..., Desk]) -> None:
    there = desk(end_bytes="03040506")
    there.says(png())
    assert there.images() == [("arrived", False)]


def test_a_report_in_the_usual_frame_is_one_without_any_setting(
    desk: Callable[..., Desk],
) -> None:
    there = desk()
    there.says(b"\x02" + REPORT + b"\x03")
    assert there.images() == [("arrived", False)]


def test_what_was_cut_off_has_no_name_while_the_card_is_full(desk: Callable[..., Desk]) -> None:
    """A power cut then must not make it whole."""
    there = desk(start_bytes="02", end_bytes="03", max_kib=1)
    there.card.is_full = True
    there.line.coming = [b"\x02" + REPORT * 100 + b"\x03"]
    with pytest.raises(DiskFull):
        there.turns()
    (path,) = there.staging.leftovers()
    assert is_draft(path)
    there.card.is_full = False
    there.turns()
    assert there.images() == [("frame-too-long", False)]
    assert list(there.staging.leftovers()) == []


def test_frames_that_a_full_card_kept_waiting_stay_apart_when_the_plug_is_pulled(
    desk: Callable[..., Desk],
) -> None:
    there = desk(start_bytes="02", end_bytes="03")
    there.card.is_full = True
    there.line.coming = [b"\x02%b\x03" % (REPORT * n) for n in (1, 2, 3)]
    there.line.coming = [b"".join(there.line.coming)]
    with pytest.raises(DiskFull):
        there.turns()
    there.capture.hang_up()
    left = sorted(path.read_bytes() for path in there.staging.leftovers())
    assert left == [REPORT * n for n in (1, 2, 3)]


DISTURBED = {
    "report": ({}, REPORT),
    "framed": ({"start_bytes": "02", "end_bytes": "03"}, b"\x02" + REPORT + b"\x03"),
    "image": ({}, png()),
    "message": ({}, SITI),
    "without-its-end": ({"end_bytes": "03"}, REPORT),
}


@pytest.mark.parametrize(("settings", "content"), DISTURBED.values(), ids=DISTURBED)
def test_a_frame_during_which_the_line_failed_is_set_aside(
    desk: Callable[..., Desk], settings: dict[str, str], content: bytes
) -> None:
    there = desk(**settings)
    there.line.coming = [content[:9]]
    there.turns()
    there.line.failures = 4
    there.says(content[9:])
    assert [there.fate(item) for item in there.items()] == ["line-errors"]
    assert b"MSA" not in there.line.heard  # who is not answered says it again
    assert list(there.staging.leftovers()) == []


@pytest.mark.parametrize("now", [5, None])
def test_what_the_line_lost_while_it_was_quiet_is_no_frames(
    desk: Callable[..., Desk], now: int | None
) -> None:
    there = desk()
    there.line.failures = now
    there.turns()
    there.says(png(1))
    assert there.images() == [("arrived", False)]


def test_what_was_lost_before_a_frame_was_read_may_be_of_it(desk: Callable[..., Desk]) -> None:
    """The kernel counts a character when it comes, not when it is read."""
    there = desk()
    there.line.failures = 4
    there.says(png(1))
    there.says(png(2))
    assert there.images() == [("line-errors", False), ("arrived", False)]


def test_a_disturbed_frame_makes_the_other_messages_of_its_session_doubtful(
    desk: Callable[..., Desk],
) -> None:
    there = desk()
    there.says(SITI)
    there.says(png(1))
    there.line.failures = 4
    there.says(BUDI)
    there.says(png(2), quiet_s=SESSION_S)
    assert [each for each in there.images() if each[0] == "arrived"] == [("arrived", False)] * 2


def test_frames_with_check_sums_are_judged_by_those(desk: Callable[..., Desk]) -> None:
    there = desk()
    text = b"1H|\\^&|||US\r\x03"
    there.line.coming = [b"\x05"]
    there.turns()
    there.line.failures = 4
    there.line.coming = [b"\x02%b%02X\r\n" % (text, sum(text) % 256), b"\x04"]
    there.turns()
    assert there.line.heard == b"\x06\x06"
    assert "line-errors" not in [there.fate(item) for item in there.items()]


# --- whose ---------------------------------------------------------------------------------------


def test_a_message_speaks_of_what_comes_after_it_in_its_session(
    desk: Callable[..., Desk],
) -> None:
    there = desk()
    there.says(SITI)
    there.says(png(1))
    there.says(REPORT)
    assert there.images() == []
    there.passes(SESSION_S)
    assert there.images() == [("arrived", True), ("arrived", True)]
    assert list(there.staging.leftovers()) == []


def test_a_message_does_not_speak_of_what_came_before_it(desk: Callable[..., Desk]) -> None:
    there = desk()
    there.says(png(1))
    assert there.images() == [("arrived", False)]  # nothing to wait for
    there.says(SITI)
    there.says(png(2), quiet_s=SESSION_S)
    assert there.images() == [("arrived", False), ("arrived", True)]


def test_two_patients_in_one_session_are_no_evidence_for_either(
    desk: Callable[..., Desk],
) -> None:
    there = desk()
    there.says(SITI)
    there.says(png(1))
    there.says(BUDI)
    there.says(png(2), quiet_s=SESSION_S)
    assert there.images() == [("arrived", False), ("arrived", False)]
    assert there.capture.notice is not None
    assert there.capture.notice.code == "session-mixed"


def test_no_patient_is_carried_over_into_the_next_session(desk: Callable[..., Desk]) -> None:
    there = desk()
    there.says(SITI)
    there.says(png(1), quiet_s=SESSION_S)
    there.says(png(2), quiet_s=SESSION_S)
    assert there.images() == [("arrived", True), ("arrived", False)]


LOST = {
    "broken-message": b"\x0bMSH|^~\\&|US|ROOM2",
    "unclear-message": UNCLEAR,
    "refused-frame": b"\x05\x02junk\x03\r\n\x04",
    "noise": b"\x8bMSH|^~\\&|US\x1c\r",
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_where_a_message_may_have_been_lost_another_speaks_of_nothing(
    desk: Callable[..., Desk], lost: bytes
) -> None:
    there = desk()
    there.says(SITI)
    there.says(png(1))
    there.says(lost)
    there.says(png(2), quiet_s=SESSION_S)
    assert [each for each in there.images() if each[0] == "arrived"] == [("arrived", False)] * 2
    assert there.capture.notice is not None
    assert there.capture.notice.code == "session-mixed"
    there.says(BUDI)
    there.says(png(3), quiet_s=SESSION_S)
    assert there.images()[-1] == ("arrived", True)


def test_a_session_that_a_full_card_kept_open_is_over_before_anything_else_is_read(
    desk: Callable[..., Desk],
) -> None:
    there = desk()
    there.says(SITI)
    there.says(png(1))
    there.card.is_full = True
    with pytest.raises(DiskFull):
        there.passes(SESSION_S)
    there.line.coming = [png(2)]
    there.card.is_full = False
    there.turns()
    there.passes(SESSION_S)
    assert there.images() == [("arrived", True), ("arrived", False)]


def test_a_device_that_asks_all_the_time_keeps_no_image_waiting(
    desk: Callable[..., Desk],
) -> None:
    there = desk()
    there.says(SITI)
    there.says(png(1))
    for _ in range(5):
        there.says(b"\x05\x04\r\n")
    assert there.images() == [("arrived", True)]


def test_two_copies_in_one_second_are_one_image(desk: Callable[..., Desk]) -> None:
    there = desk(start_bytes="02", end_bytes="03")
    there.says(SITI)
    there.says(b"\x02%b\x03" % REPORT * 2, quiet_s=SESSION_S)
    assert there.images() == [("arrived", True)]


def test_a_message_that_is_not_clear_is_refused_and_shown_to_a_person(
    desk: Callable[..., Desk],
) -> None:
    there = desk()
    there.says(UNCLEAR)
    assert b"MSA|AE|M1" in there.line.heard
    (item,) = there.items()
    assert (item.state, there.fate(item)) == ("quarantined", "message-unclear")


def test_no_message_matters_where_the_profile_wants_none(desk: Callable[..., Desk]) -> None:
    there = desk(Profile("us", sidecar="none"))
    there.says(UNCLEAR)
    assert b"MSA|AA|M1" in there.line.heard
    assert [item.state for item in there.items()] == ["ignored"]
