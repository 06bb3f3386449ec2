"""What must fit together: each rule refuses what it is for, by name, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.errors import BadSettings
from appliance.settings.load import parse

if TYPE_CHECKING:
    from pathlib import Path


def source(name: str, **more: str) -> str:
    keys = {"name": name, "kind": "folder", "path": f"/srv/{name}", **more}
    return table("source", keys)


def destination(name: str, **more: str) -> str:
    return (
        table("destination", {"name": name, "host": "h", "ae_title": "A", **more}) + "port = 1\n"
    )


def table(name: str, keys: dict[str, str]) -> str:
    return f"[[{name}]]\n" + "".join(f'{key} = "{value}"\n' for key, value in keys.items())


def faults(*tables: str) -> list[str]:
    try:
        parse("".join(tables), "f")
    except BadSettings as problem:
        return problem.sentence.splitlines()
    return []


def test_two_entries_must_not_share_a_name() -> None:
    assert faults(source("a"), source("a", path="/srv/b")) == [
        'f: source[2].name: "a" is already the name of source[1]'
    ]


def test_a_source_and_a_destination_may_share_a_name() -> None:
    assert faults(source("a"), destination("a")) == []


def test_a_profile_must_have_a_name() -> None:
    assert faults("[[profile]]\n") == ["f: profile[1].name: is missing"]


def test_a_profile_that_is_named_must_exist() -> None:
    assert faults(source("a", profile="p")) == [
        'f: source.a.profile: there is no profile named "p"'
    ]
    assert faults(source("a", profile="p"), table("profile", {"name": "p"})) == []


def test_a_destination_that_is_named_must_exist() -> None:
    assert faults(destination("d"), '[[route]]\nto = ["d", "e"]\n') == [
        'f: route[1].to: there is no destination named "e"'
    ]


def test_a_destination_with_a_fault_is_still_there_for_its_route() -> None:
    assert faults(destination("d", host="a b"), '[[route]]\nto = ["d"]\n') == [
        "f: destination.d.host: 'a b' is not a host name or an IP address"
    ]


def test_a_route_must_go_somewhere() -> None:
    assert faults("[[route]]\nto = []\n") == ["f: route[1].to: must not be empty"]


def test_a_route_looks_at_dicom_keywords_or_the_source() -> None:
    assert faults(destination("d"), '[[route]]\nto = ["d"]\nwhen = { Modalty = "CR" }\n') == [
        (
            "f: route[1].when: 'Modalty' is not a DICOM keyword that can be used here; "
            "did you mean Modality?"
        )
    ]


def test_a_route_for_a_source_needs_that_source() -> None:
    route = '[[route]]\nto = ["d"]\nwhen = { source = "cr-*" }\n'
    assert faults(source("dx"), destination("d"), route) == [
        'f: route[1].when.source: there is no source named "cr-*"'
    ]
    assert faults(source("cr-1"), destination("d"), route) == []


def test_a_folder_needs_a_path() -> None:
    assert faults(table("source", {"name": "a", "kind": "folder"})) == [
        'f: source.a.path: is missing; kind = "folder" needs it'
    ]
    assert faults(source("a", path="srv")) == [
        "f: source.a.path: 'srv' must begin with a slash",
        'f: source.a.path: is missing; kind = "folder" needs it',
    ]


def test_moving_needs_a_place_to_move_to() -> None:
    assert faults(source("a", after="move")) == [
        'f: source.a.move_to: is missing; after = "move" needs it'
    ]


@pytest.mark.parametrize("key", ["move_to", "error_to"])
@pytest.mark.parametrize("place", ["/srv/b", "/srv/b/x", "/srv/a/../b/x", "/srv/b/"])
def test_what_is_put_aside_must_not_arrive_again(key: str, place: str) -> None:
    assert faults(source("a", **{key: place}), source("b")) == [
        f'f: source.a.{key}: lies in the folder that "b" watches'
    ]


def test_a_place_beside_a_watched_folder_is_fine() -> None:
    assert faults(source("a", move_to="/srv/a-done", error_to="/srv")) == []


def test_a_link_into_a_watched_folder_is_seen(tmp_path: Path) -> None:
    watched = tmp_path / "in"
    watched.mkdir()
    (tmp_path / "aside").symlink_to(watched)
    assert faults(source("a", path=str(watched), error_to=str(tmp_path / "aside" / "x"))) == [
        'f: source.a.error_to: lies in the folder that "a" watches'
    ]


REFUSED = (
    'f: source.a.after: "delete" needs a destination that can be asked, '
    'but "d" has confirm = "response"'
)


def test_deleting_needs_a_destination_that_can_be_asked() -> None:
    unasked = destination("d", confirm="response")
    assert faults(source("a", after="delete"), unasked) == [REFUSED]
    assert faults(source("a", after="keep"), unasked) == []
    assert faults(source("a", after="delete"), destination("d", confirm="find")) == []


def test_a_destination_that_the_source_never_reaches_does_not_matter() -> None:
    asked, unasked = destination("e"), destination("d", confirm="response")
    deleting, other = source("a", after="delete"), source("b")
    to = '[[route]]\nto = ["{}"]\nwhen = {{ source = "{}" }}\n'
    assert faults(deleting, other, asked, unasked, to.format("d", "b"), to.format("e", "a")) == []
    assert faults(deleting, other, asked, unasked, to.format("d", "a")) == [REFUSED]
    assert faults(deleting, asked, destination("d", confirm="response", environment="test")) == []
