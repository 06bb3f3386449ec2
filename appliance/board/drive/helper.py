"""Owns the drive as the privileged helper has it: images in their folder, snapshots, the exchange.

In the folder of a source: `000001.img`, the image attached (the highest number counts), one copy
of it for looking into, drafts. What has a lower number was given up and everything on it proved.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from appliance import durable
from appliance.board.disk import room
from appliance.board.drive.gadget import Looks
from appliance.board.drive.image import CLONE, COPY, GIB, copy, fresh, stamp
from appliance.board.drive.taken import current, images, note
from appliance.call import Handing
from appliance.errors import ChangedMeanwhile, DriveFault, DriveTooLarge, NotThere, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from appliance.board.drive.gadget import Gadget
    from appliance.call import Handler
    from appliance.durable import Draft

_log = logging.getLogger(__name__)

_OUT_S = 3.0
"""How long the drive is empty between two images: hosts ask every second or two."""


class Wanted(Protocol):
    """What the settings say of a drive."""

    @property
    def name(self) -> str:
        """The source's name."""
        ...

    @property
    def size_gib(self) -> int:
        """How large the next image will be."""
        ...

    @property
    def label(self) -> str:
        """What the file system of the next image is called."""
        ...

    @property
    def vendor(self) -> str:
        """Who the host is told has made it."""
        ...

    @property
    def product(self) -> str:
        """What the host is told it is."""
        ...

    @property
    def serial(self) -> str:
        """Its serial number; "" for the box's own."""
        ...


class Viewer(Protocol):
    """Looks into images."""

    def open(self, name: str, image: Path) -> int:
        """The top folder of a file that nobody writes, as a descriptor. Raises CannotMount."""
        ...

    def uses(self, image: Path, /) -> bool:
        """Whether somebody still looks into that file."""
        ...


class Drives:
    """The drive of the settings, and what watch may ask of it."""

    def __init__(
        self,
        folder: Path,
        wanted: Callable[[], Sequence[Wanted]],
        gadget: Gadget,
        viewer: Viewer,
        serial: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Keep images in `folder`; nothing is attached yet. The first `wanted` one counts."""
        self._folder = folder
        self._wanted = wanted
        self._gadget = gadget
        self._viewer = viewer
        self._serial = serial
        self._pause = pause
        self._lock = Lock()
        self._tidied: set[str] = set()
        self._synced = ""
        self._said = ""

    @property
    def operations(self) -> Mapping[str, Handler]:
        """What is answered, by name."""
        return {
            "drive": self._answer(self._look),
            "snapshot": self._answer(self._snapshot),
            "drop_snapshot": self._answer(self._drop),
            "taken": self._answer(self._taken),
            "taken_in_part": self._answer(self._taken_in_part),
            "swap": self._answer(self._swap),
        }

    def tend(self) -> None:
        """Have the drive of the settings attached, or none; what is in the way goes to the log.

        Not while a caller is answered, which may take long and sees to it as well.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            with _faults():
                self._attach_or_not()
        except Problem as problem:
            self._log(problem)
        finally:
            self._lock.release()

    def _attach_or_not(self) -> None:
        if wanted := next(iter(self._wanted()), None):
            self._stand(wanted)
        else:
            self._gadget.take_down()
        self._said = ""

    def _log(self, problem: Problem) -> None:
        if problem.sentence != self._said:
            self._said = problem.sentence
            _log.warning("%s %s", problem, problem.hint)

    # Answering

    def _answer(
        self, act: Callable[[Wanted, str], Mapping[str, object] | Handing]
    ) -> Callable[[Mapping[str, Any]], Mapping[str, object] | Handing]:
        def answer(request: Mapping[str, Any]) -> Mapping[str, object] | Handing:
            with self._lock, _faults():
                return act(self._named(str(request["source"])), str(request.get("stamp")))

        return answer

    def _named(self, name: str) -> Wanted:
        first = next(iter(self._wanted()), None)
        if first is None or first.name != name:
            raise NotThere(what=f"drive {name}")
        return first

    def _look(self, wanted: Wanted, _: str) -> Mapping[str, object]:
        image = self._stand(wanted)
        as_of = stamp(image)
        if as_of != self._synced:
            _sync(image)
            self._synced = as_of
        return {"image": image.stem, "stamp": as_of, "host": self._gadget.host}

    def _snapshot(self, wanted: Wanted, as_of: str) -> Handing:
        """A look into a copy of the image, which must be as of that stamp before and after."""
        image = self._stand(wanted)
        _must_be(image, as_of)
        kept = image.with_name(COPY)
        if self._viewer.uses(kept):
            kept.unlink()  # whoever looks goes on looking at what was there
        copied = copy(image, image.parent)
        _must_be(image, as_of)
        return Handing({}, self._viewer.open(wanted.name, copied))

    def _drop(self, wanted: Wanted, _: str) -> Mapping[str, object]:
        """Let go of the room a clone takes while the host goes on writing."""
        (self._folder / wanted.name / CLONE).unlink(missing_ok=True)
        return {}

    def _taken(self, wanted: Wanted, as_of: str) -> Mapping[str, object]:
        """Everything on the image as of that stamp was taken."""
        self._note(wanted, as_of, in_part=False)
        return {}

    def _taken_in_part(self, wanted: Wanted, as_of: str) -> Mapping[str, object]:
        """The same of everything that can be taken at all."""
        self._note(wanted, as_of, in_part=True)
        return {}

    def _note(self, wanted: Wanted, as_of: str, *, in_part: bool) -> None:
        image = self._stand(wanted)
        _must_be(image, as_of)
        note(image, as_of, in_part=in_part)

    def _swap(self, wanted: Wanted, as_of: str) -> Mapping[str, object]:
        """An empty image in the place of one whose every file, as of that stamp, is proved.

        Whatever goes wrong, the host gets back what it had.
        """
        old = self._stand(wanted)
        _must_be(old, as_of)
        with fresh(old.parent, wanted.size_gib, wanted.label) as new:
            self._gadget.eject()
            try:
                _must_be(old, as_of)  # nobody can write any more
                _publish(new, _image(old.parent, int(old.stem) + 1))
            finally:
                self._pause(_OUT_S)
                self._gadget.insert(current(old.parent) or old)
        self._tidy(old.parent)
        _log.info("%s: the drive was exchanged for an empty one", wanted.name)
        return {}

    # Standing

    def _stand(self, wanted: Wanted) -> Path:
        """The image in force, attached."""
        folder = self._folder / wanted.name
        image = current(folder) or self._made(folder, wanted)
        serial = wanted.serial or self._serial
        self._gadget.stand(Looks(wanted.vendor, wanted.product, serial), image)
        if wanted.name not in self._tidied:
            self._tidy(folder)
            self._tidied.add(wanted.name)
        return image

    def _made(self, folder: Path, wanted: Wanted) -> Path:
        durable.make_folder(folder)
        free_bytes = room(folder).free_bytes
        if free_bytes < wanted.size_gib * GIB:
            raise DriveTooLarge(size_gib=wanted.size_gib, free_gib=free_bytes // GIB)
        image = _image(folder, 1)
        with fresh(folder, wanted.size_gib, wanted.label) as new:
            _publish(new, image)
        _log.info("%s: made a drive of %d GiB", wanted.name, wanted.size_gib)
        return image

    def _tidy(self, folder: Path) -> None:
        """Remove what a power cut left half-made, images given up, and the copy of one of them.

        The copy first: brought up to date with another image it would show what was deleted there.
        """
        *given_up, _ = images(folder)
        copies = [folder / CLONE, *([folder / COPY] if given_up else [])]
        for path in (*copies, *folder.glob(".*.part"), *given_up):
            durable.remove(path)


def _image(folder: Path, number: int) -> Path:
    return folder / f"{number:06}.img"


def _publish(new: Draft, image: Path) -> None:
    """An image that no host has seen yet: nothing is on it that could be taken."""
    new.publish(image)
    note(image, stamp(image))


def _must_be(image: Path, as_of: str) -> None:
    if stamp(image) != as_of:
        raise ChangedMeanwhile(name="The drive")


def _sync(image: Path) -> None:
    """What the host believes to be on its stick shall be on the card: it may be unplugged now."""
    with image.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _faults() -> Iterator[None]:
    """What the kernel refuses for reasons nobody thought of still reaches the caller as words."""
    try:
        yield
    except OSError as error:
        raise DriveFault(detail=str(error)) from error
