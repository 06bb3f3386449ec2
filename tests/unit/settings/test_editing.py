"""Changing one entry leaves the rest of the text, comments included, as it was."""

from __future__ import annotations

import tomllib

import pytest

from appliance.errors import BadSettings, NotThere
from appliance.settings.editing import with_entry, with_table, without_entry

TEXT = """\
# our box
[box]
name = "CR"  # on the door

[[destination]]
name = "pacs"  # the real one
host = "a"
calling_ae_title = "ME"

# who goes where
[[route]]
to = ["pacs"]
"""


def test_an_entry_is_changed_in_its_place() -> None:
    text = with_entry(TEXT, "destination", {"name": "pacs", "host": "b", "port": 104})
    assert text == TEXT.replace('"a"', '"b"').replace('"ME"\n', '"ME"\nport = 104\n')


def test_an_empty_value_removes_its_key() -> None:
    text = with_entry(TEXT, "destination", {"name": "pacs", "calling_ae_title": ""})
    assert text == TEXT.replace('calling_ae_title = "ME"\n', "")
    assert text == with_entry(text, "destination", {"name": "pacs", "calling_ae_title": None})


def test_rows_stay_on_one_line_each_time() -> None:
    rows = [{"ae_title": "CR1", "host": "a"}, {"ae_title": "CR2", "host": "b"}]
    entry = {"name": "room", "kind": "receiver", "allow": rows[:1]}
    text = with_entry(TEXT, "source", entry)
    assert text.endswith('allow = [{ae_title = "CR1", host = "a"}]\n')
    changed = with_entry(text, "source", {"name": "room", "allow": rows})
    assert changed.startswith(TEXT)
    assert tomllib.loads(changed)["source"][0]["allow"] == rows
    assert "[[source.allow]]" not in changed
    changed = with_entry(TEXT, "destination", {"name": "pacs", "rows": rows})
    assert tomllib.loads(changed)["destination"][0]["rows"] == rows
    assert changed.startswith("# our box")


def test_a_new_entry_goes_to_the_end() -> None:
    entry = {"name": "b", "port": 1, "find": {"port": 2}, "confirm": "", "tls": False}
    assert with_entry(TEXT, "destination", entry) == TEXT + (
        '\n[[destination]]\nname = "b"\nport = 1\nfind = {port = 2}\ntls = false\n'
    )


def test_the_first_entry_of_an_empty_file() -> None:
    assert with_entry("", "source", {"name": "a"}) == '[[source]]\nname = "a"\n'


def test_entries_written_as_one_list_are_extended_too() -> None:
    text = with_entry('source = [{ name = "a" }]\n', "source", {"name": "b"})
    assert tomllib.loads(text) == {"source": [{"name": "a"}, {"name": "b"}]}


def test_the_new_entry_of_such_a_list_is_changed_too() -> None:
    text = with_entry('source = [{ name = "a" }]\n', "source", {"name": "a", "kind": "folder"})
    assert tomllib.loads(text) == {"source": [{"name": "a", "kind": "folder"}]}


def test_an_entry_is_removed() -> None:
    text = without_entry(with_entry(TEXT, "destination", {"name": "b"}), "destination", "pacs")
    assert tomllib.loads(text)["destination"] == [{"name": "b"}]


def test_the_last_entry_takes_its_table_with_it() -> None:
    assert set(tomllib.loads(without_entry(TEXT, "destination", "pacs"))) == {"box", "route"}


def test_what_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(NotThere, match='destination "x"'):
        without_entry(TEXT, "destination", "x")


def test_a_single_table_is_changed_or_made() -> None:
    assert with_table(TEXT, "box", {"name": "DX"}) == TEXT.replace('"CR"', '"DX"')
    assert with_table(TEXT, "retention", {"confirmed_days": 3}) == (
        TEXT + "\n[retention]\nconfirmed_days = 3\n"
    )


def test_a_text_that_is_not_toml_is_refused_with_its_line() -> None:
    with pytest.raises(BadSettings, match=r"^jembatan.toml: line 1, column 5: "):
        with_entry("[box\n", "source", {"name": "a"})
