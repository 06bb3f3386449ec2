"""An image's history as it is told: what matters, and repetitions once."""

from __future__ import annotations

from appliance.web.story import Event, told


def row(
    after: str, *, before: str = "x", destination: str | None = "pacs", **more: str
) -> dict[str, str]:
    said = {"at": "1", "sentence": ""}
    return {**said, "before": before, "after": after, "destination": destination, **more}  # type: ignore[dict-item]


def test_moves_that_a_later_one_tells_better_are_left_out() -> None:
    events = told(
        [
            row("arrived", before="", destination=None),
            row("waiting", before=""),
            row("prepared", before="waiting"),
            row("routed", before="identified", destination=None),
            row("active", before="prepared"),
            row("sent", before="active"),
        ]
    )
    assert [event.after for event in events] == ["arrived", "prepared", "sent"]


def test_repetitions_are_told_once_with_the_last_time() -> None:
    rows = [row("deferred", before="active", sentence="It is full.", at=str(n)) for n in range(5)]
    rows.append(row("deferred", before="active", sentence="It is gone.", at="9"))
    first, second = told(rows)
    assert (first.times, first.at, first.sentence) == (5, "4", "It is full.")
    assert (second.times, second.at) == (1, "9")


def test_a_remark_moves_nothing() -> None:
    assert Event("1", "done", "done", "Came again.", "").is_remark
    assert not Event("1", "active", "sent", "", "pacs").is_remark
