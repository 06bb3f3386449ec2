"""Who may send to which receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.dicom.acceptor import CALLED_UNKNOWN, CALLING_UNKNOWN, NO_REASON, Visitor
from appliance.settings.links import Caller, ReceiverLink
from appliance.sources.callers.guests import Addresses, Turned, link_for, taste_of
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from appliance.dicom.pdu import Rejection

CR1 = Caller(ae_title="CR1", host="10.0.0.7")
CT, CR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.1"
EXPLICIT = "1.2.840.10008.1.2.1"


def link(name: str = "cr", *, called: str = "", tls: bool = False, **more: object) -> ReceiverLink:
    given: dict[str, object] = {"allow": (CR1,), **more}
    return ReceiverLink(name=name, kind="receiver", called=called, tls=tls, **given)  # type: ignore[arg-type]


def found(links: list[ReceiverLink], visitor: Visitor) -> str:
    return link_for(links, "BOX", visitor, Addresses(FakeClock())).name


@pytest.mark.parametrize(
    ("visitor", "rejection", "why"),
    [
        (Visitor("OTHER", "CR1", "10.0.0.7"), CALLED_UNKNOWN, "nothing here is called OTHER"),
        (Visitor("box", "CR1", "10.0.0.7"), CALLED_UNKNOWN, "nothing here is called box"),
        (Visitor("BOX", "cr1", "10.0.0.7"), CALLING_UNKNOWN, "its AE title is not in the list"),
        (
            Visitor("BOX", "CR1", "10.0.0.8"),
            CALLING_UNKNOWN,
            "its address is not the one in the list",
        ),
        (Visitor("\x1b[31m", "x", "::1"), CALLED_UNKNOWN, "nothing here is called \\x1b[31m"),
    ],
)
def test_who_is_not_listed_is_turned_away(
    visitor: Visitor, rejection: Rejection, why: str
) -> None:
    with pytest.raises(Turned) as turned:
        found([link()], visitor)
    assert turned.value.rejection == rejection
    assert turned.value.notice.sentence.endswith(f" was turned away: {why}.")


@pytest.mark.parametrize(
    ("visitor", "key"),
    [
        (Visitor("OTHER", "CR1", "10.0.0.7"), "`called`"),
        (Visitor("BOX", "CR9", "10.0.0.7"), "`allow`"),
        (Visitor("BOX", "CR1", "10.0.0.8"), "`allow`"),
        (Visitor("BOX", "CR1", "10.0.0.7"), "`tls_port`"),
    ],
)
def test_the_hint_is_about_what_is_wrong(visitor: Visitor, key: str) -> None:
    with pytest.raises(Turned) as turned:
        found([link(tls=True)], visitor)
    assert key in turned.value.notice.hint


def test_called_calling_and_host_tell_sources_apart() -> None:
    other = Caller(ae_title="CR1", host="10.0.0.9")
    links = [link("us", called="US"), link("a"), link("b", allow=(other,))]
    assert found(links, Visitor("US", "CR1", "10.0.0.7")) == "us"
    assert found(links, Visitor("BOX", "CR1", "10.0.0.7")) == "a"
    assert found(links, Visitor("BOX", "CR1", "10.0.0.9")) == "b"


def test_a_source_may_insist_on_tls() -> None:
    with pytest.raises(Turned) as turned:
        found([link(tls=True)], Visitor("BOX", "CR1", "10.0.0.7"))
    assert turned.value.rejection == NO_REASON
    assert found([link(tls=True)], Visitor("BOX", "CR1", "10.0.0.7", over_tls=True)) == "cr"
    both = [link("safe", tls=True), link("open")]
    assert found(both, Visitor("BOX", "CR1", "10.0.0.7")) == "open"


def test_addresses_are_compared_as_addresses_and_names_are_looked_up() -> None:
    addresses = Addresses(FakeClock())
    assert addresses("2001:DB8:0::1") == {"2001:db8::1"}
    assert "127.0.0.1" in addresses("localhost")
    assert addresses("no-such-host.invalid") == frozenset()


def test_words_and_uids_say_what_may_be_sent() -> None:
    narrow = taste_of(link(accept=("CR", "1.2.3"), syntaxes=(EXPLICIT,)))
    assert (narrow.sop_class(CR), narrow.sop_class("1.2.3"), narrow.sop_class(CT)) == (
        True, True, False,
    )  # fmt: skip
    assert (narrow.syntax(EXPLICIT), narrow.syntax("1.2.840.10008.1.2")) == (True, False)
    wide = taste_of(link())
    assert wide.sop_class(CT)
    assert wide.syntax("1.2.840.10008.1.2.4.70")


def test_what_a_stranger_calls_itself_is_shown_harmlessly() -> None:
    assert str(Visitor("BOX", "A\n\x07", "10.0.0.7")) == "A\\n\\x07 at 10.0.0.7"
