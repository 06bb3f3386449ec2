"""Frames are found in bytes however they are cut, and every byte is in one of them."""

from __future__ import annotations

import pytest

from appliance.sources.line.frames import ACK, NAK, Data, End, Frames, How, Reply, Step

MOST = 1000


def heard(
    *parts: bytes, start: bytes = b"", end: bytes = b"", quiet: bool = True, late: bool = False
) -> list[tuple[How, bytes] | bytes]:
    """Frames with their content, and replies, in order."""
    frames = Frames(start, end, MOST)
    if late:
        frames.joined_late()
    steps: list[Step] = [step for part in parts for step in frames.feed(part)]
    steps += frames.quiet() if quiet else []
    found: list[tuple[How, bytes] | bytes] = []
    content = b""
    for step in steps:
        match step:
            case Data():
                content += step.content
            case Reply():
                found.append(step.content)
            case End():
                found.append((step.how, content))
                content = b""
    return found


def bytewise(content: bytes) -> list[bytes]:
    return [content[at : at + 1] for at in range(len(content))]


def astm(number: int, text: bytes, end: bytes = b"\x03") -> bytes:
    body = b"%d" % number + text + end
    return b"\x02" + body + b"%02X" % (sum(body) % 256) + b"\r\n"


WHOLE = [
    (b"", b"", b"plain until it is quiet", [(How.END, b"plain until it is quiet")]),
    (b"\x02", b"\x03", b"\x02a\x03\x02b\x03", [(How.END, b"a"), (How.END, b"b")]),
    (b"\x02", b"\x03", b"\r\n\0\x02a\x03\r\n\x04", [(How.END, b"a")]),
    (b"\x02", b"\x03", b"xy\x02a\x03", [(How.NOISE, b"xy"), (How.END, b"a")]),
    (b"\x02", b"\x03", b"\x02cut", [(How.BROKEN, b"cut")]),
    (b"", b"\r\n\r\n", b"a\r\nb\r\n\r\nc", [(How.END, b"a\r\nb"), (How.BROKEN, b"c")]),
    (b"\x1b\x02", b"\x1b\x03", b"\x1b\x02a\x1bb\x1b\x03", [(How.END, b"a\x1bb")]),
    (
        b"\x1b\x02",
        b"\x1b\x03",
        b"x\x1b\x1b\x02a\x1b\x03",
        [(How.NOISE, b"x\x1b"), (How.END, b"a")],
    ),
    (b"\x0b", b"\x1c", b"\x0ba\x1c", [(How.END, b"a")]),
    (b"", b"", b"\x0bMSH|a\x1c\r\x0bMSH|b\x1c\r", [(How.MLLP, b"MSH|a"), (How.MLLP, b"MSH|b")]),
    (b"", b"", b"\x0bMSH|a\x0bMSH|b\x1c\r", [(How.BROKEN, b"MSH|a"), (How.MLLP, b"MSH|b")]),
    (b"", b"", b"\x0bMSH|a", [(How.BROKEN, b"MSH|a")]),
    (b"", b"", b"\x02\x03", [(How.END, b"\x02\x03")]),
    (b"\x02", b"\x03", b"\x02\x03", []),
    (b"", b"", b"\r\n" + bytes(200) + b"DICMx", [(How.END, bytes(128) + b"DICMx")]),
    (b"", b"", b"\r\n\0DICMx", [(How.END, b"DICMx")]),
    (b"", b"", b"\0\0DIx", [(How.END, b"DIx")]),
    (b"", b"", b"\r\n\0\x04\0", []),
]


@pytest.mark.parametrize(("start", "end", "content", "expected"), WHOLE, ids=range(len(WHOLE)))
def test_frames_do_not_depend_on_how_they_are_cut(
    start: bytes, end: bytes, content: bytes, expected: list[tuple[How, bytes]]
) -> None:
    assert heard(content, start=start, end=end) == expected
    assert heard(*bytewise(content), start=start, end=end) == expected


def test_a_start_that_never_goes_on_is_noise() -> None:
    frames = Frames(b"\x1b\x02", b"\x03", MOST)
    assert frames.feed(b"\x1b") == []
    assert frames.is_open
    assert frames.quiet() == [Data(b"\x1b"), End(How.NOISE)]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (b"", b"", [(How.BROKEN, b"\x02a\x03\x02b\x03")]),
        (b"", b"\x03", [(How.BROKEN, b"\x02a"), (How.END, b"\x02b")]),
        (b"\x02", b"\x03", [(How.END, b"a"), (How.END, b"b")]),
    ],
    ids=["none", "end", "start-and-end"],
)
def test_a_frame_whose_beginning_nobody_may_have_heard_is_not_whole(
    start: bytes, end: bytes, expected: list[tuple[How, bytes]]
) -> None:
    assert heard(b"\x02a\x03\x02b\x03", start=start, end=end, late=True) == expected


def test_an_endless_frame_is_cut_off_once_and_the_next_one_found() -> None:
    content = b"\x02" + b"x" * (3 * MOST) + b"\x03\x02next\x03"
    expected = [(How.TOO_LONG, b"x" * MOST), (How.END, b"next")]
    assert heard(content, start=b"\x02", end=b"\x03") == expected
    assert heard(*bytewise(content), start=b"\x02", end=b"\x03") == expected


def test_without_end_bytes_quiet_ends_a_frame_that_was_too_long() -> None:
    frames = Frames(b"", b"", MOST)
    frames.feed(b"x" * (2 * MOST))
    assert frames.is_open
    assert frames.quiet() == []
    assert frames.feed(b"next") == [Data(b"next")]


ASTM = [
    (b"\x05" + astm(1, b"H|\\^&\r") + astm(2, b"L|1\r") + b"\x04",
     [ACK, ACK, ACK, (How.ASTM, b"H|\\^&\rL|1\r")]),
    (b"\x05" + astm(1, b"H|") + astm(1, b"H|") + b"\x04", [ACK, ACK, ACK, (How.ASTM, b"H|")]),
    (b"\x05" + astm(1, b"H|") + astm(4, b"P|") + b"\x04", [ACK, ACK, NAK, (How.BROKEN, b"H|")]),
    (b"\x05\x02junk\x03\r\n" + astm(1, b"H|") + b"\x04", [ACK, NAK, ACK, (How.ASTM, b"H|")]),
    (b"\x05" + astm(1, b"H|") + b"\x05" + astm(1, b"H|") + b"\x04",
     [ACK, ACK, (How.BROKEN, b"H|"), ACK, ACK, (How.ASTM, b"H|")]),
    (b"\x05" + astm(1, b"H|"), [ACK, ACK, (How.BROKEN, b"H|")]),
    (b"\x05\x04", [ACK]),
    (b"\x05" + astm(1, b"P|1|47", b"\x17") + b"\x04", [ACK, ACK, (How.BROKEN, b"P|1|47")]),
    (b"\x05\x02junk\x03\r\n\x04", [ACK, NAK, (How.BROKEN, b"")]),
    (b"\x05REPORT\r\nno E1381", [ACK, (How.END, b"REPORT\r\nno E1381")]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), ASTM, ids=range(len(ASTM)))
def test_astm_is_answered_frame_by_frame(
    content: bytes, expected: list[tuple[How, bytes] | bytes]
) -> None:
    assert heard(content) == expected
    assert heard(*bytewise(content)) == expected
