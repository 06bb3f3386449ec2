"""A form decides about the image whose page gave it out, whatever has that number by now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.errors import NoIdentity
from appliance.model import Evidence, ItemState
from appliance.settings import history
from appliance.web.meant import mark
from tests.builders.identities import order
from tests.web.test_release import DAY, SETTINGS
from tests.web.visitor import text_of

if TYPE_CHECKING:
    from appliance.model import Item
    from tests.builders.box import Box
    from tests.web.visitor import Visitor

TYPED = {"PatientID": "4712", "PatientName": "SANTOSO^BUDI", "StudyDate": "2024-03-14"}
DECISIONS = [
    ("retry", {}),
    ("pick", {"key": "k1"}),
    ("pick", {"key": "k1", "sure": "yes"}),
    ("release", TYPED),
    ("release", {**TYPED, "sure": "yes"}),
    ("discard", {"reason": "test exposure"}),
]


def held(box: Box, name: str) -> Item:
    """A film of nobody that waits for a person."""
    box.accept(name)
    box.convert(Evidence())
    claimed = box.claim(ItemState.CONVERTED)
    box.journal.items.stop(claimed, NoIdentity(where="the film"))
    return claimed


@pytest.fixture
def films(box: Box) -> tuple[Item, Item]:
    """One that somebody looked at, and one that has its number now."""
    history.publish(box.paths.root, SETTINGS)
    box.journal.orders.learn("ris", [order(key="k1")], DAY, DAY)
    return held(box, "looked-at.tif"), held(box, "now.tif")


@pytest.mark.parametrize(("what", "fields"), DECISIONS)
@pytest.mark.parametrize("form", ["/items/1", "/items/1/discard", "/settings/box"])
def test_the_form_of_another_image_or_of_none_decides_nothing(
    owner: Visitor,
    box: Box,
    films: tuple[Item, Item],
    form: str,
    what: str,
    fields: dict[str, str],
) -> None:
    _, now = films
    answer = owner.post(f"/items/{now.id}/{what}", form, **fields, by="Sari")
    assert answer.status_code == 409
    said = text_of(answer)
    assert f"This page is of another image than item {now.id} is now: nothing was decided." in said
    assert "Look at the list again." in said
    assert "4712" not in answer.text
    assert box.journal.items.get(now.id).state is ItemState.HELD


@pytest.mark.parametrize(("what", "fields"), DECISIONS)
def test_its_own_form_decides(
    owner: Visitor, films: tuple[Item, Item], what: str, fields: dict[str, str]
) -> None:
    _, now = films
    form = f"/items/{now.id}/discard" if what == "discard" else f"/items/{now.id}"
    answer = owner.post(f"/items/{now.id}/{what}", form, **fields, by="Sari")
    assert answer.status_code in {200, 302}


def test_what_is_asked_again_is_asked_about_the_same_image(
    owner: Visitor, films: tuple[Item, Item]
) -> None:
    _, now = films
    asked = owner.post(f"/items/{now.id}/release", f"/items/{now.id}", **TYPED, by="Sari")
    assert f'name="image" value="{mark(now)}"' in asked.text


def test_each_form_of_the_list_is_about_its_own_image(
    owner: Visitor, films: tuple[Item, Item]
) -> None:
    for film in films:
        assert owner.post(f"/items/{film.id}/retry", "/attention").status_code == 302


def test_the_same_bytes_beside_another_sidecar_are_another_image(box: Box) -> None:
    one, other = (
        box.accept("a.tif", b"white", evidence_digest=said, sidecars={"a.txt": said.encode()})
        for said in ("SITI", "BUDI")
    )
    assert one.sha256 == other.sha256
    assert mark(one) != mark(other)
