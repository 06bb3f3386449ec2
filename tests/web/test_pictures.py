"""Which image is it? What a person sees of one that is held, and what there is where it cannot be
shown."""

from __future__ import annotations

import os
import socket
from io import BytesIO
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from appliance.call import Handing, Server
from appliance.convert.stage import Convert
from appliance.errors import NoIdentity, NoPreview
from appliance.model import Body, BodyKind, Evidence, ItemState, Slice
from appliance.settings import history
from appliance.settings.schema import Settings
from tests.builders import pictures
from tests.builders.converting import converting
from tests.web.visitor import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.model import Item
    from tests.builders.box import Box
    from tests.web.browser import Person
    from tests.web.visitor import Visitor

FILM = pictures.saved(pictures.grey(8), "PNG")
PDF = b"%PDF-1.4\n%%EOF\n"
JPEG = b"\xff\xd8 drawn \xff\xd9"


def held(box: Box, content: bytes = FILM, name: str = "film.png", *bodies: Body) -> Item:
    """A film that waits for somebody to say whose it is."""
    item = box.accept(name, content)
    if bodies:
        box.journal.items.converted(box.claim(ItemState.ARRIVED), bodies, Evidence())
    else:
        assert Convert(box.journal).turn(Settings())
    box.journal.items.stop(box.claim(ItemState.CONVERTED), NoIdentity(where="its name"))
    return box.journal.items.get(item.id)


class Drawer:
    """In the place of convert: says what it was asked, and draws nothing."""

    def __init__(self, box: Box) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self.refusal: NoPreview | None = None
        self._server = Server(box.paths.run / "convert.sock", {"preview": self._draw})
        self._server.start()

    def _draw(self, request: Mapping[str, Any]) -> Handing:
        self.asked.append(request)
        if self.refusal:
            raise self.refusal
        fd = os.memfd_create("preview")
        os.write(fd, JPEG)
        return Handing({}, fd)

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def drawer(box: Box) -> Iterator[Drawer]:
    drawer = Drawer(box)
    yield drawer
    drawer.close()


def at(item: Item, what: str = "preview", number: int = 1) -> str:
    return f"/items/{item.id}/{what}/{number}"


def test_a_preview_is_the_persons_alone(owner: Visitor, box: Box, drawer: Drawer) -> None:
    item = held(box)
    answer = owner.get(at(item))
    assert (answer.status_code, answer.data, answer.mimetype) == (200, JPEG, "image/jpeg")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert drawer.asked == [{"op": "preview", "item": 1, "object": 1, "frame": 1, "side": 768}]
    stranger = owner.another()
    assert stranger.get(at(item)).status_code == 302
    assert stranger.get(at(item, "document")).status_code == 302
    assert len(drawer.asked) == 1


def test_what_the_browser_has_is_not_drawn_again(owner: Visitor, box: Box, drawer: Drawer) -> None:
    """It asks each time, so that nobody sees it who is not logged in."""
    item = held(box)
    tags = [owner.get(at(item), query=q).get_etag()[0] for q in ({}, {"small": "1"})]
    tags.append(owner.get(at(item), query={"frame": "2"}).get_etag()[0])
    assert len({*tags, None}) == 4
    assert [each["side"] for each in drawer.asked] == [768, 192, 768]
    assert [each["frame"] for each in drawer.asked] == [1, 1, 2]
    again = owner.get(at(item), headers={"If-None-Match": f'"{tags[0]}"'})
    assert (again.status_code, again.data, again.get_etag()[0]) == (304, b"", tags[0])
    assert len(drawer.asked) == 3
    box.paths.etc.mkdir(exist_ok=True)
    profile = '[[source]]\nname = "cr"\nkind = "folder"\npath = "/srv/cr"\nprofile = "it"\n'
    history.publish(box.paths.root, f'{profile}[[profile]]\nname = "it"\nwindow = [9, 5]\n')
    other = owner.get(at(item), headers={"If-None-Match": f'"{tags[0]}"'})
    assert other.status_code == 200


def test_where_there_is_no_picture_a_calm_one_says_so(
    owner: Visitor, box: Box, drawer: Drawer
) -> None:
    drawer.refusal = NoPreview(why="it cannot be drawn")
    item = held(box)
    answer = owner.get(at(item))
    assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
    assert answer.headers["Cache-Control"] == "no-store"
    assert text_of(answer) == "There is no picture to look at: it cannot be drawn."
    small = owner.get(at(item), query={"small": "1"})
    assert text_of(small) == "No picture"


def test_where_convert_does_not_answer_it_says_so_too(owner: Visitor, box: Box) -> None:
    answer = owner.get(at(held(box)))
    assert "cannot be drawn just now" in text_of(answer)
    assert answer.mimetype == "image/svg+xml"


def test_what_convert_hands_over_may_be_anything(owner: Visitor, box: Box) -> None:
    def pipe(_: Mapping[str, Any]) -> Handing:
        theirs, ours = os.pipe()
        os.close(ours)
        return Handing({}, theirs)

    server = Server(box.paths.run / "convert.sock", {"preview": pipe})
    server.start()
    assert "cannot be drawn just now" in text_of(owner.get(at(held(box))))
    server.close()


def test_previews_leave_the_page_room(owner: Visitor, box: Box) -> None:
    """However many are asked for at once, some of the page's threads are free for others."""
    item = held(box)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf:
        deaf.bind(str(box.paths.run / "convert.sock"))
        deaf.listen(100)
        waiting = []
        pages = [owner.another() for _ in range(6)]
        for page in pages:
            page.is_let_in()
            waiting.append(Thread(target=page.get, args=(at(item),)))
        for each in waiting:
            each.start()
        lines = [deaf.accept()[0] for _ in pages]
        assert "cannot be drawn just now" in text_of(owner.get(at(item)))
        for line in lines:
            line.close()
        for each in waiting:
            each.join()
    assert text_of(owner.get(at(item)))


def test_there_is_nothing_beyond_what_there_is(owner: Visitor, box: Box) -> None:
    item = held(box)
    for path in (at(item, number=2), "/items/99/preview/1", at(item, "document")):
        assert owner.get(path).status_code == 404


# --- where it is shown


def test_it_is_shown_wherever_somebody_decides(owner: Visitor, box: Box) -> None:
    item = held(box)
    picture = f'<img src="{at(item)}" alt="What film.png looks like" loading="lazy"'
    page = owner.get(f"/items/{item.id}")
    assert picture in page.text
    assert "Small, to tell images apart. Not for diagnosis." in text_of(page)
    assert picture in owner.get(f"/items/{item.id}/discard").text
    typed = {"PatientID": "1", "PatientName": "SITI", "by": "Sari"}
    asked = owner.post(f"/items/{item.id}/release", f"/items/{item.id}", **typed)
    assert picture in asked.text
    assert f'<img src="{at(item)}?small=1"' in owner.get("/attention").text


def test_pages_are_told_apart(owner: Visitor, box: Box) -> None:
    pages = pictures.tiff_pages([pictures.grey(8), pictures.grey(8)[1:]])
    item = held(box, pages, "pages.tif")
    shown = owner.get(f"/items/{item.id}")
    assert "Page 1 of 2." in text_of(shown)
    assert f'<img src="{at(item, number=2)}" alt="What pages.tif, page 2 looks like"' in shown.text


def test_of_very_many_objects_the_first_ones_are_shown(owner: Visitor, box: Box) -> None:
    path = box.journal.spool.path(box.accept("other").sha256)
    whole = (Slice(path, 0, 1),)
    many = [Body(n, BodyKind.PIXELS, "1.2", str(n), whole, {}) for n in range(1, 15)]
    box.journal.items.converted(box.claim(ItemState.ARRIVED), many, Evidence())
    shown = owner.get("/items/1")
    assert shown.text.count("<img") == 12 + 1  # the box's own sign
    assert "And 2 more." in text_of(shown)


def test_frames_of_which_the_first_is_shown(owner: Visitor, box: Box) -> None:
    path = box.journal.spool.path(box.accept("other").sha256)
    body = Body(1, BodyKind.PIXELS, "1", "d", (Slice(path, 0, 1),), {"NumberOfFrames": 30})
    box.journal.items.converted(box.claim(ItemState.ARRIVED), [body], Evidence())
    assert "The first of 30 frames." in text_of(owner.get("/items/1"))


def test_what_was_not_read_has_none(owner: Visitor, box: Box) -> None:
    item = box.item(ItemState.QUARANTINED, "letter.doc")
    page = owner.get(f"/items/{item.id}")
    assert "There is no picture to look at: it was not read as an image." in text_of(page)
    assert "/preview/" not in page.text
    assert "/preview/" not in owner.get("/attention").text
    new = box.item(ItemState.ARRIVED)
    assert "it has not been read yet." in text_of(owner.get(f"/items/{new.id}"))


def test_what_was_purged_has_none(owner: Visitor, box: Box) -> None:
    item = held(box)
    for each in box.journal.items.bodies(item):
        for piece in each.slices:
            piece.path.unlink(missing_ok=True)
    page = owner.get(f"/items/{item.id}")
    assert "the box keeps its bytes no longer" in text_of(page)
    assert "/preview/" not in page.text


def test_a_report_is_for_keeping_and_never_opened_in_the_page(owner: Visitor, box: Box) -> None:
    item = box.accept("report.pdf", b"before" + PDF * 100_000)
    path = box.journal.spool.path(item.sha256)
    body = Body(1, BodyKind.DOCUMENT, "", "d", (Slice(path, 6, len(PDF) * 100_000),), {})
    box.journal.items.converted(box.claim(ItemState.ARRIVED), [body], Evidence())
    box.journal.items.stop(box.claim(ItemState.CONVERTED), NoIdentity(where="its name"))
    page = owner.get(f"/items/{item.id}")
    assert "Download the report (PDF)" in text_of(page)
    assert "/preview/" not in page.text
    assert "/preview/" not in owner.get("/attention").text
    answer = owner.get(at(item, "document"))
    assert answer.data == PDF * 100_000
    assert answer.headers["Content-Disposition"] == "attachment; filename=report-1-1.pdf"
    assert (answer.mimetype, answer.content_length) == ("application/pdf", len(PDF) * 100_000)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    path.unlink()
    assert owner.get(at(item, "document")).status_code == 404


# --- with the real thing


def test_convert_draws_what_the_page_shows(owner: Visitor, box: Box) -> None:
    item = held(box, pictures.tiff(pictures.grey(16)), "film.tif")
    with converting(box.paths):
        answer = owner.get(at(item))
        small = owner.get(at(item), query={"small": "1"})
        broken = owner.get(at(item), query={"frame": "7"})
    assert Image.open(BytesIO(answer.data)).size == (pictures.COLUMNS, pictures.ROWS)
    assert Image.open(BytesIO(small.data)).format == "JPEG"
    assert "it cannot be drawn" in text_of(broken)


def test_a_person_sees_which_image_it_is(person: Person, box: Box) -> None:
    rgb = pictures.colour().repeat(12, axis=0).repeat(12, axis=1)
    film = held(box, pictures.saved(rgb, "PNG"), "DCIM/100/room 2/film.png")
    path = box.journal.spool.path(film.sha256)
    bad = Body(1, BodyKind.PIXELS, "1.2", "d", (Slice(path, 0, 9),), {"Rows": 9})
    other = held(box, b"other", "broken.tif", bad)
    box.item(ItemState.QUARANTINED, "letter.doc")
    with converting(box.paths):
        person.visit("/attention")
        person.sees("film.png")
        assert person.sees_pictures() == [96, 192]
        person.photograph("attention-pictures")
        person.visit(f"/items/{film.id}")
        person.sees("Not for diagnosis")
        assert person.sees_pictures() == [636]
        person.photograph("item-picture")
        person.fill("Patient ID", "4711")
        person.fill("Name", "RAHAYU^SITI")
        person.fill("Your name", "Sari")
        person.press("It is this patient")
        person.sees("is of RAHAYU^SITI?")
        assert person.sees_pictures() == [636]
        person.photograph("release-picture")
        person.visit(f"/items/{other.id}")
        assert person.sees_pictures() == [320]  # one that says that there is none
        person.photograph("item-no-picture")
    assert not person.complaints()
