"""What starts because the data stays closed calls for nothing that needs the data: it would wait
for what has failed, or have it fail again and again.
"""

from __future__ import annotations

from pathlib import Path

UNITS = Path("systemd")
PULLS = ("Wants", "Requires", "Requisite", "BindsTo", "Upholds")


def lines(unit: str) -> list[tuple[str, str]]:
    """Of the unit and its own drop-ins."""
    files = [UNITS / unit, *sorted((UNITS / f"{unit}.d").glob("*.conf"))]
    text = "\n".join(file.read_text() for file in files)
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#")
    return [(key, value) for key, value in pairs]


def values(unit: str, *keys: str) -> list[str]:
    return [each for key, value in lines(unit) if key in keys for each in value.split()]


def called_for(unit: str) -> set[str]:
    """All that is started with a unit, itself among it."""
    found, open_ = set(), [unit]
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_ += values(name, *PULLS)
    return found


def test_what_says_that_the_data_is_closed_does_not_call_for_it() -> None:
    (locked,) = values("jembatan-start.service", "OnFailure")
    units = called_for(locked)
    assert units == {"jembatan-locked.service", "jembatan-unlock.service"}
    for unit in units:
        assert values(unit, "DefaultDependencies") == ["no"], unit
        assert not values(unit, "RequiresMountsFor"), unit
        assert set(values(unit, "Conflicts")) - {"jembatan.target"} == {"shutdown.target"}, unit


def test_where_the_card_gives_out_the_same_takes_the_place_of_all_that_works() -> None:
    assert "box-card.service" in values("jembatan.target", "Wants")
    assert "jembatan.target" in values("jembatan-locked.service", "Conflicts")
    gone_first = values("jembatan-locked.service", "After")
    for unit in ("jembatan-web.socket", "jembatan-web.service", "jembatan-keeper.service"):
        assert unit in gone_first


def test_all_that_works_goes_with_its_target_and_the_way_to_the_page_stays() -> None:
    stay = {f"jembatan-{name}.service" for name in ("wifi", "8021x")}
    alone = {path.parent.name.removesuffix(".d") for path in UNITS.glob("*/10-common.conf")}
    for path in UNITS.glob("jembatan-*.service"):
        goes = values(path.name, "PartOf") == ["jembatan.target"]
        assert goes is (path.name not in stay | alone), path.name
