from __future__ import annotations

from errno import EIO
from typing import TYPE_CHECKING, Any

import pytest

from appliance.box import report
from appliance.box.report import Report, said_of
from appliance.call import Server
from appliance.desk import reset
from appliance.errors import UnsentImages
from appliance.journal.charge import Charge
from appliance.model import ItemState
from appliance.settings import recovery
from tests.web.visitor import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.desk.unsent import Unsent
    from tests.builders.box import Box
    from tests.web.visitor import Visitor

KEY = "0123AB-4567CD-89EFGH-JKMNPQ-RSTVWX"


@pytest.fixture
def asked(box: Box) -> Iterator[list[str]]:
    """What a steward that refuses nothing was asked for."""
    done: list[str] = []

    def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
        done.append(request["op"])
        return {}

    steward = Server(box.paths.run / "steward.sock", {"reset": answer, "restart": answer})
    steward.start()
    yield done
    steward.close()


# --- the recovery key ---------------------------------------------------------------------------


def test_who_claims_the_box_is_shown_its_recovery_key(stranger: Visitor) -> None:
    recovery.keep(stranger.box.paths.root, KEY)
    assert stranger.claim().location == "/recovery-key"
    shown = stranger.get("/recovery-key").text
    assert all(group in shown for group in KEY.split("-"))
    assert "A card without its board shows no patient" in text_of(stranger.get("/recovery-key"))


def test_it_is_shown_until_somebody_has_it_and_never_again(owner: Visitor) -> None:
    recovery.keep(owner.box.paths.root, KEY)
    assert "recovery key of this box yet" in text_of(owner.get("/"))
    assert KEY[:6] in owner.post("/recovery-key").text
    assert recovery.kept(owner.box.paths.root) == KEY
    assert owner.post("/recovery-key", taken="yes").location == "/"
    assert recovery.kept(owner.box.paths.root) == ""
    assert "no longer on this box" in text_of(owner.get("/"))
    assert KEY[:6] not in owner.get("/recovery-key").text
    assert "recovery key of this box yet" not in text_of(owner.get("/settings"))


def test_no_stranger_sees_it(owner: Visitor) -> None:
    recovery.keep(owner.box.paths.root, KEY)
    stranger = owner.another()
    answer = stranger.get("/recovery-key")
    assert answer.location == "/login?next=/recovery-key"
    assert KEY[:6] not in answer.text
    assert "recovery key" not in text_of(stranger.get("/login"))


def test_a_workstation_has_none(stranger: Visitor) -> None:
    assert stranger.claim().location == "/"


# --- the reset ----------------------------------------------------------------------------------


def test_a_reset_says_what_goes_and_wants_words(owner: Visitor, asked: list[str]) -> None:
    page = text_of(owner.get("/settings/reset"))
    assert "list of what was sent" in page
    assert "same stick inserted again is sent again" in page
    answer = owner.post("/settings/reset", words="yes")
    assert answer.status_code == 422
    assert "the words to be typed are: erase this box" in text_of(answer)
    assert not asked


def test_a_reset_is_asked_of_the_steward(owner: Visitor, asked: list[str]) -> None:
    answer = owner.post("/settings/reset", words=" Erase this  box")
    assert "The box starts again" in text_of(answer)
    assert asked == ["reset", "restart"]


def test_what_is_unsent_stands_against_it_with_its_number(
    owner: Visitor, box: Box, asked: list[str]
) -> None:
    box.item(ItemState.HELD)
    box.item(ItemState.ROUTED)
    page = owner.get("/settings/reset")
    assert "2 images (1 not yet confirmed by every PACS, 1 held for a person)" in text_of(page)
    assert 'name="words"' not in page.text
    assert not asked


def test_what_its_spare_lacks_stands_against_it_too(owner: Visitor, box: Box) -> None:
    for state in (Charge.LEAVING, Charge.RELEASING, Charge.LEFT):
        box.journal.charge.set(state, "1", "jembatan-2", lacking=1)
    page = owner.get("/settings/reset")
    assert "1 file that the card did not give to its spare. Keep this card" in text_of(page)
    assert 'name="words"' not in page.text


def test_nothing_is_offered_where_a_folder_cannot_be_read(
    owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: object) -> Unsent:
        raise OSError(EIO, "Input/output error", "shares/cr1/day")

    monkeypatch.setattr(reset, "unsent", unreadable)
    page = owner.get("/settings/reset")
    assert "cannot be told. shares/cr1/day: Input/output error." in text_of(page)
    assert 'name="words"' not in page.text


def test_what_the_steward_refuses_is_said(owner: Visitor, box: Box) -> None:
    def refuse(_: Mapping[str, Any]) -> Mapping[str, Any]:
        raise UnsentImages(what="1 image (1 not yet read)")

    steward = Server(box.paths.run / "steward.sock", {"reset": refuse})
    steward.start()
    answer = owner.post("/settings/reset", words="erase this box")
    steward.close()
    assert answer.status_code == 422
    assert "has what no PACS has: 1 image (1 not yet read)" in text_of(answer)


def test_a_reset_that_was_refused_at_the_start_is_told_on_the_first_page(
    owner: Visitor, box: Box
) -> None:
    assert "At its last start" not in text_of(owner.get("/"))
    said = said_of(UnsentImages(what="1 image (1 not yet read)"))
    report.write(Report(said=(said,)), box.paths.run.parent / "jembatan-start" / "report.json")
    assert "At its last start: The box was not reset" in text_of(owner.get("/"))


def test_only_a_box_with_a_card_offers_it(owner: Visitor) -> None:
    assert "Reset this box" not in text_of(owner.get("/settings"))
