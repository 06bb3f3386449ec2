"""Who the proofs of the image send to a booted box's page finds his way at this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.settings import access
from appliance.settings.current import Current
from tests.prove.films import PATTERN
from tests.prove.image_hospital import enter
from tests.prove.image_page import Page
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from tests.builders.box import Box

pytestmark = [pytest.mark.network, pytest.mark.timeout(60)]


def test_a_box_is_claimed_and_set_up_over_the_network(box: Box, served: int) -> None:
    page = Page(served, "http")
    assert page.answers("/settings") == 302
    page.claim(access.claim_code(box.paths.root))
    enter(page, "10.0.2.2", 4242, "PRACTICE")
    settings = Current(box.paths.root).get()
    assert [source.name for source in settings.sources] == ["stick", "us"]
    assert settings.destinations[0].port == 4242
    assert settings.profiles[0].filename == PATTERN
    assert page.status()["items"] == {}


def test_what_the_page_refuses_is_said(box: Box, served: int) -> None:
    page = Page(served, "http")
    page.claim(access.claim_code(box.paths.root))
    with pytest.raises(NotProved, match=r"answers 422 .* is not a host name"):
        page.save("/settings/destination/new", name="x", host="no host", port="1", ae_title="A")


def test_nobody_answers(served: int) -> None:
    page = Page(1, "http")
    assert page.answers() == 0
    with pytest.raises(NotProved, match="it says nothing"):
        page.wait(0.1)
