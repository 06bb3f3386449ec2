"""Reports and messages that old devices write down a serial line."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from appliance.settings.schema import Profile
from tests.builders import pictures
from tests.builders.wired import IDLE_S, Wired
from tests.peers.line import Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


HL7 = (
    b"MSH|^~\\&|US|ROOM2|BOX|BOX|20260506120000||ORU^R01|%s|P|2.3\r"
    b"PID|1||%s^^^RS^MR||SITI^AMINAH||19800102|F\r"
)


@pytest.fixture
def captured(wire: Callable[..., Wired]) -> Iterator[tuple[Wired, Modality]]:
    wired = wire()
    wired.run_until(lambda: wired.place()[0] == "listening")
    hand = Modality(wired.cable)
    yield wired, hand
    hand.close()


def test_quiet_ends_a_capture(captured: tuple[Wired, Modality], film: bytes) -> None:
    wired, hand = captured
    hand.says(film)
    wired.run_until(lambda: wired.counts() == {"arrived": 1})
    (item,) = wired.items()
    assert wired.content(item) == film
    assert item.name.endswith(".tif")
    assert wired.staged() == []


def test_start_and_end_bytes_make_reports(wire: Callable[..., Wired]) -> None:
    wired = wire(start_bytes="02", end_bytes="03")
    wired.run_until(lambda: wired.place()[0] == "listening")
    hand = Modality(wired.cable)
    hand.says(b"\x02REPORT 1\rName: SITI\r\x03\r\n\x02REPORT 2\rName: AMIN\r\x03\x04")
    wired.run_until(lambda: wired.counts() == {"arrived": 2})
    hand.close()
    assert [wired.content(each) for each in wired.items()] == [
        b"REPORT 1\rName: SITI\r",
        b"REPORT 2\rName: AMIN\r",
    ]
    assert all(each.name.endswith(".txt") for each in wired.items())


def test_garbage_is_kept_and_said(captured: tuple[Wired, Modality]) -> None:
    wired, hand = captured
    until_s = time.monotonic() + IDLE_S  # what comes sooner may have begun before
    wired.run_until(lambda: time.monotonic() > until_s)
    garbage = random.Random(4).randbytes(3000)
    hand.says(garbage)
    wired.run_until(lambda: wired.counts() == {"quarantined": 1})
    assert wired.content(wired.items()[0]) == garbage
    assert wired.trouble()[0][0] == "unsupported-format"


def test_noise_outside_of_a_frame_is_kept_beside_it(wire: Callable[..., Wired]) -> None:
    wired = wire(start_bytes="02", end_bytes="03")
    wired.run_until(lambda: wired.place()[0] == "listening")
    hand = Modality(wired.cable)
    hand.says(b"\xff\x81~~\x02REPORT 1\r\nis whole\r\n\x03")
    wired.run_until(lambda: wired.counts() == {"quarantined": 1, "arrived": 1})
    hand.close()


def test_a_frame_without_end_is_cut_off_once(wire: Callable[..., Wired]) -> None:
    wired = wire(start_bytes="02", end_bytes="03", max_kib=8)
    wired.run_until(lambda: wired.place()[0] == "listening")
    hand = Modality(wired.cable)
    hand.says(b"\x02" + b"x" * 30_000 + b"\x03\x02REPORT 2\r\nis whole\r\n\x03")
    wired.run_until(lambda: wired.counts() == {"quarantined": 1, "arrived": 1})
    hand.close()
    assert wired.trouble()[0][0] == "frame-too-long"
    assert wired.items()[0].size_bytes == 8 << 10


def test_a_plug_pulled_in_the_middle_keeps_what_came(
    captured: tuple[Wired, Modality], film: bytes
) -> None:
    wired, hand = captured
    hand.says(film[:3000])
    wired.run_until(lambda: bool(wired.staged()))
    wired.cable.unplug()
    wired.run_until(lambda: wired.counts() == {"quarantined": 1})
    assert wired.trouble()[0][0] == "incomplete"
    assert film.startswith(wired.content(wired.items()[0]))


def test_what_an_earlier_run_left_is_taken_or_told(wire: Callable[..., Wired]) -> None:
    wired = wire()
    wired.folder.mkdir(parents=True, exist_ok=True)
    whole = pictures.saved(pictures.grey(8), "PNG")
    (wired.folder / ".20260101T000000Z-00000000.part").write_bytes(whole)
    (wired.folder / ".20260101T000001Z-00000000.part").write_bytes(b"REPORT\r\nits first line")
    (wired.folder / "20260101T000002Z-00000000.txt").write_bytes(b"REPORT\r\nof two lines\r\n")
    wired.run_until(lambda: sum(wired.counts().values()) == 3)
    assert wired.counts() == {"arrived": 2, "quarantined": 1}
    assert wired.trouble()[0][0] == "incomplete"
    assert wired.staged() == []


# --- messages ------------------------------------------------------------------------------------


def answered(wired: Wired, hand: Modality, content: bytes, awaited: bytes) -> bytes:
    """What the modality hears after it has said something."""
    hand.says(content)
    heard = b""

    def is_heard() -> bool:
        nonlocal heard
        heard += hand.hears()
        return awaited in heard

    wired.run_until(is_heard)
    return heard


def sidecars(wired: Wired) -> list[set[str]]:
    """The kinds of sidecars of each film, in order."""
    films = [item for item in wired.items() if item.name.endswith(".png")]
    return [{name.rpartition(".")[2] for name in film.sidecars} for film in films]


def png(number: int = 0) -> bytes:
    return pictures.saved(pictures.grey(8, film=number), "PNG")


def test_an_hl7_message_is_answered_once_it_is_safe_and_speaks_of_the_image(
    captured: tuple[Wired, Modality],
) -> None:
    wired, hand = captured
    heard = answered(wired, hand, b"\x0b" + HL7 % (b"M1", b"4711") + b"\x1c\r", b"\x1c\r")
    assert b"MSA|AA|M1\r" in heard
    assert wired.counts() == {"ignored": 1}
    hand.says(png())
    wired.run_until(lambda: wired.counts() == {"ignored": 1, "arrived": 1})
    assert sidecars(wired) == [{"hl7"}]
    assert wired.staged() == []


def test_a_profile_without_sidecars_takes_images_at_once_and_no_message_as_evidence(
    wire: Callable[..., Wired],
) -> None:
    wired = wire(Profile("us", sidecar="none"))
    wired.run_until(lambda: wired.place()[0] == "listening")
    hand = Modality(wired.cable)
    answered(wired, hand, b"\x0b" + HL7 % (b"M1", b"4711") + b"\x1c\r", b"MSA|AA")
    hand.says(png())
    wired.run_until(lambda: wired.counts() == {"ignored": 1, "arrived": 1})
    hand.close()
    assert sidecars(wired) == [set()]


def test_the_last_frame_of_a_message_nobody_ended_is_told_after_a_restart(
    wire: Callable[..., Wired],
) -> None:
    wired = wire()
    wired.folder.mkdir(parents=True, exist_ok=True)
    (wired.folder / ".20260101T000000Z-0.part").write_bytes(b"H|\\^&\rP|1|4711\r")
    wired.run_until(lambda: wired.counts() == {"quarantined": 1})
    assert wired.trouble()[0][0] == "incomplete"


def astm(number: int, text: bytes, end: bytes = b"\x03") -> bytes:
    body = b"%d" % number + text + end
    return b"\x02" + body + b"%02X" % (sum(body) % 256) + b"\r\n"


def test_astm_frames_are_acknowledged_and_spoilt_ones_asked_again(
    captured: tuple[Wired, Modality],
) -> None:
    wired, hand = captured
    assert answered(wired, hand, b"\x05", b"\x06") == b"\x06"
    assert answered(wired, hand, astm(1, b"H|\\^&|||US\r"), b"\x06") == b"\x06"
    spoilt = astm(2, b"P|1|4711|||SITI^AMINAH\r").replace(b"4711", b"4712")
    assert answered(wired, hand, spoilt, b"\x15") == b"\x15"
    patient = astm(2, b"P|1|4711|||SITI^AMINAH\r", b"\x17")
    assert answered(wired, hand, patient, b"\x06") == b"\x06"
    assert answered(wired, hand, patient, b"\x06") == b"\x06"  # our answer was not heard
    assert answered(wired, hand, astm(3, b"L|1|N\r"), b"\x06") == b"\x06"
    hand.says(b"\x04")
    wired.run_until(lambda: wired.counts() == {"ignored": 1})
    assert wired.content(wired.items()[0]) == (b"H|\\^&|||US\rP|1|4711|||SITI^AMINAH\rL|1|N\r")
    hand.says(png())
    wired.run_until(lambda: wired.counts() == {"ignored": 1, "arrived": 1})
    assert sidecars(wired) == [{"astm"}]


def test_a_message_that_stops_in_the_middle_is_kept_and_not_acknowledged(
    captured: tuple[Wired, Modality],
) -> None:
    wired, hand = captured
    hand.says(b"\x0b" + (HL7 % (b"M1", b"4711"))[:60])
    wired.run_until(lambda: wired.counts() == {"quarantined": 1})
    assert hand.hears() == b""
    assert wired.trouble()[0][0] == "incomplete"
