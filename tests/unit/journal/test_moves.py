"""The state tables, cell by cell, as the database itself enforces them."""

from __future__ import annotations

import sqlite3
from itertools import product
from typing import TYPE_CHECKING

import pytest

from appliance.journal.database import migrations
from appliance.model import DeliveryState, ItemState

if TYPE_CHECKING:
    from collections.abc import Iterator

# from     to: arrived converted identified routed done held quarantined ignored
ITEMS = """
arrived         .       x         .        .     .   x       x         x
converted       .       .         x        .     .   x       .         x
identified      .       .         .        x     .   x       .         x
routed          .       .         .        .     x   .       .         x
done            .       .         .        .     .   .       .         .
held            x       .         x        .     .   .       .         x
quarantined     x       .         .        .     .   .       .         x
ignored         .       .         .        .     .   .       .         .
"""

# from     to: waiting prepared active sent confirmed deferred held
DELIVERIES = """
waiting         .       x        .     .     .       .       x
prepared        .       .        x     .     .       x       x
active          x       x        .     x     .       x       x
sent            .       .        .     .     x       x       x
confirmed       .       .        .     .     .       .       .
deferred        .       .        x     .     .       .       x
held            .       x        .     .     .       .       .
"""


def allowed(drawing: str) -> set[tuple[str, str]]:
    rows = {row.split()[0]: row.split()[1:] for row in drawing.strip().splitlines()}
    return {
        (before, after)
        for before, cells in rows.items()
        for after, cell in zip(rows, cells, strict=True)
        if cell == "x"
    }


def titled(cell: tuple[str, str]) -> str:
    return " to ".join(cell)


def cells(states: type[ItemState | DeliveryState]) -> list[tuple[str, str]]:
    return [(before.value, after.value) for before, after in product(states, states)]


ADD_ITEM = """
    INSERT INTO item (sha256, evidence_digest, size_bytes, source, name, state, identity,
                      arrived_at, changed_at, changed_by)
    VALUES ('ab', '', 1, 'cr', 'film.tif', ?, '{}', 'then', 'then', 'somebody')
"""
ADD_BODY = "INSERT INTO body VALUES (1, 1, 'pixels', '1.2', 'cd', '[]', '{}')"
ADD_DELIVERY = """
    INSERT INTO delivery (item_id, destination, state, claimed_by, confirmed_by, created_at,
                          changed_at, changed_by)
    VALUES (1, 'pacs', ?, 'somebody', 'find', 'then', 'then', 'somebody')
"""
HISTORY = "SELECT before, after, at, who, code, sentence FROM history WHERE before != ''"


@pytest.fixture
def schema() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for script in migrations():
        connection.executescript(script)
    yield connection
    connection.close()


def move(schema: sqlite3.Connection, table: str, after: str) -> None:
    schema.execute(
        f"UPDATE {table} SET state = ?, code = 'why', sentence = 'Because.', changed_at = 'now',"
        f" changed_by = 'another'",
        [after],
    )


def check(schema: sqlite3.Connection, table: str, cell: tuple[str, str], *, may: bool) -> None:
    before, after = cell
    if may:
        move(schema, table, after)
        told = [(before, after, "now", "another", "why", "Because.")]
    else:
        with pytest.raises(sqlite3.IntegrityError, match="may not make that move"):
            move(schema, table, after)
        told = []
    assert schema.execute(HISTORY).fetchall() == told
    assert schema.execute(f"SELECT state FROM {table}").fetchone() == (after if may else before,)


@pytest.mark.parametrize("cell", cells(ItemState), ids=titled)
def test_item(schema: sqlite3.Connection, cell: tuple[str, str]) -> None:
    schema.execute(ADD_ITEM, [cell[0]])
    schema.execute(ADD_BODY)
    schema.execute(ADD_DELIVERY, ["confirmed"])
    check(schema, "item", cell, may=cell in allowed(ITEMS))


@pytest.mark.parametrize("cell", cells(DeliveryState), ids=titled)
def test_delivery(schema: sqlite3.Connection, cell: tuple[str, str]) -> None:
    schema.execute(ADD_ITEM, ["routed"])
    schema.execute(ADD_DELIVERY, [cell[0]])
    check(schema, "delivery", cell, may=cell in allowed(DELIVERIES))


@pytest.mark.parametrize(
    ("table", "states", "drawing"),
    [("item", ItemState, ITEMS), ("delivery", DeliveryState, DELIVERIES)],
)
def test_the_table_is_the_drawing_and_every_move_has_a_reason(
    schema: sqlite3.Connection,
    table: str,
    states: type[ItemState | DeliveryState],
    drawing: str,
) -> None:
    rows = schema.execute(f"SELECT before, after, why FROM {table}_move").fetchall()
    assert {(before, after) for before, after, _ in rows} == allowed(drawing)
    assert {state for before, after, _ in rows for state in (before, after)} <= set(states)
    assert all(why for *_, why in rows)


def test_routed_is_what_has_a_destination(schema: sqlite3.Connection) -> None:
    schema.execute(ADD_ITEM, ["identified"])
    with pytest.raises(sqlite3.IntegrityError, match="it has nowhere to go"):
        move(schema, "item", "routed")


@pytest.mark.parametrize("states", [[], ["sent"], ["confirmed", "held"]], ids=" and ".join)
def test_done_is_when_every_delivery_at_least_one_is_confirmed(
    schema: sqlite3.Connection, states: list[str]
) -> None:
    schema.execute(ADD_ITEM, ["routed"])
    for state in states:
        schema.execute(ADD_DELIVERY.replace("pacs", state), [state])
    with pytest.raises(sqlite3.IntegrityError, match="not every delivery of it is confirmed"):
        move(schema, "item", "done")


@pytest.mark.parametrize("state", ["prepared", "active", "sent", "deferred"])
def test_ignored_is_what_is_not_under_way(schema: sqlite3.Connection, state: str) -> None:
    schema.execute(ADD_ITEM, ["routed"])
    schema.execute(ADD_DELIVERY, [state])
    with pytest.raises(sqlite3.IntegrityError, match="some of it is still on its way"):
        move(schema, "item", "ignored")


def test_active_is_what_somebody_works_on(schema: sqlite3.Connection) -> None:
    schema.execute(ADD_ITEM, ["routed"])
    schema.execute(ADD_DELIVERY, ["prepared"])
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        schema.execute("UPDATE delivery SET state = 'active', claimed_by = NULL")


@pytest.mark.parametrize(
    "cell", [("arrived", "converted"), ("converted", "identified"), ("held", "identified")]
)
def test_converted_is_what_has_a_body(schema: sqlite3.Connection, cell: tuple[str, str]) -> None:
    schema.execute(ADD_ITEM, [cell[0]])
    with pytest.raises(sqlite3.IntegrityError, match="it has not been read"):
        move(schema, "item", cell[1])


@pytest.mark.parametrize("before", ["converted", "held"])
def test_identified_is_what_has_a_patient(schema: sqlite3.Connection, before: str) -> None:
    schema.execute(ADD_ITEM, [before])
    schema.execute(ADD_BODY)
    schema.execute("UPDATE item SET identity = ''")
    with pytest.raises(sqlite3.IntegrityError, match="whose it is is not known"):
        move(schema, "item", "identified")


def test_confirmed_is_what_somebody_proved(schema: sqlite3.Connection) -> None:
    schema.execute(ADD_ITEM, ["routed"])
    schema.execute(ADD_DELIVERY, ["sent"])
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        schema.execute("UPDATE delivery SET state = 'confirmed', confirmed_by = NULL")


def test_a_state_that_does_not_exist_is_refused(schema: sqlite3.Connection) -> None:
    schema.execute(ADD_ITEM, ["arrived"])
    with pytest.raises(sqlite3.IntegrityError):
        move(schema, "item", "lost")


@pytest.mark.parametrize("tampering", ["DELETE FROM history", "UPDATE history SET who = 'nobody'"])
def test_history_is_append_only(schema: sqlite3.Connection, tampering: str) -> None:
    schema.execute(ADD_ITEM, ["arrived"])
    with pytest.raises(sqlite3.IntegrityError, match="history is append-only"):
        schema.execute(tampering)
    assert schema.execute("SELECT who, after FROM history").fetchall() == [("somebody", "arrived")]
