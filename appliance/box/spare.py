"""Owns what the steward does for the page and the command line about spare boxes and backups.

`spare-look` tells how things stand; everything else is an errand, which `spare-look` tells of too:
the answer says only whether it has `begun`, and the name of the `errand`. That the last one failed
is told until the next one begins; of backups, which begin by themselves, backup_news tells.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from appliance.box import backup, backup_news, errand_news, handover, parcel, takeover, token
from appliance.box.handover import stick_in_words
from appliance.box.sealed import new_key
from appliance.box.service_stick import Purpose
from appliance.errors import NoServiceStick, ParcelDamaged, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from appliance.box.errand import Errand
    from appliance.box.handover import Machine
    from appliance.box.service_stick import ServiceSticks
    from appliance.call import Handler


class Spare:
    """The operations; `machine` is this box as it is now."""

    def __init__(
        self,
        machine: Callable[[], Machine],
        sticks: ServiceSticks,
        errand: Errand,
        restart: Callable[[], object],
    ) -> None:
        """Nothing goes on; `restart` starts the box again, a little later."""
        self._machine = machine
        self._sticks = sticks
        self._errand = errand
        self._restart = restart

    @property
    def operations(self) -> Mapping[str, Handler]:
        """By name, as callers ask for them."""
        return {
            "spare-look": self._look,
            "spare-export": self._export,
            "spare-finish": self._finish,
            "spare-back": self._back,
            "spare-import": self._import,
            "backup-passphrase": self._passphrase,
            "backup-now": self._backup,
        }

    def _look(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """{}: {"standing", "errand", "backups": whether they are written, "sticks": by purpose,
        "name": of this box on sticks, "came": whether this box starts as another one, "failed":
        the last errand but backups, where it failed: its "name", "code", "sentence", "hint"}.

        Where this box has left and its stick is in, it learns from it who took over.
        """
        machine = self._machine()
        errand = self._errand.said()
        # Who writes to a stick just now has it mounted; looking into it would take it away.
        busy = errand["state"] == "running"
        sticks = {} if busy else {str(each): self._stick(machine, each) for each in Purpose}
        failed = None if busy else errand_news.read(machine.paths)
        return {
            "standing": standing(machine),
            "name": machine.name,
            "errand": errand,
            "failed": asdict(failed) if failed else None,
            "backups": backup.has_passphrase(machine.paths),
            "came": machine.paths.plan.exists(),
            "sticks": sticks,
        }

    def _stick(self, machine: Machine, purpose: Purpose) -> dict[str, Any] | None:
        """What is on it; None where there is none."""
        try:
            if self._sticks.volume(purpose) is None:
                return None
            with self._opened(purpose, writing=False) as folder:
                if purpose is Purpose.SPARE:
                    handover.note_taker(machine, folder)
                return on_stick(purpose, folder, machine.name)
        except Problem as problem:
            return {"problem": problem.sentence, "hint": problem.hint}

    def _export(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"passphrase": TEXT}: hand this box over to the stick for it."""
        key = new_key(str(request["passphrase"]))
        self._must_have(Purpose.SPARE)

        def act() -> Mapping[str, Any]:
            with self._opened(Purpose.SPARE, writing=True) as folder:
                return takeover.document(handover.hand_over(self._machine(), folder, key))

        return self._begin("export", act)

    def _finish(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """{}: the stick of an interrupted handover is back."""

        def act() -> Mapping[str, Any]:
            with self._opened(Purpose.SPARE, writing=True) as folder:
                handover.settle_with(self._machine(), folder)
            return {}

        return self._begin("finish", act)

    def _back(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"vouched": whether a person says that no other box works with it}: this box goes on.

        It starts again for that: its name and address may be in force only from a start on.
        """
        vouched = request["vouched"] is True

        def act() -> Mapping[str, Any]:
            self._take_back(vouched=vouched)
            self._restart()
            return {}

        return self._begin("back", act)

    def _take_back(self, *, vouched: bool) -> None:
        machine = self._machine()
        if vouched and self._sticks.volume(Purpose.SPARE) is None:
            handover.take_back(machine, None, vouched=True)
            return
        with self._opened(Purpose.SPARE, writing=True) as folder:
            handover.take_back(machine, folder)

    def _import(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"purpose", "passphrase", "old_is_off"}: be the box on that stick after a restart.

        "which", the number (`move`) of a backup, is needed where those of several boxes are there.
        """
        purpose, which = Purpose(request["purpose"]), str(request.get("which") or "")
        passphrase, is_off = str(request["passphrase"]), request["old_is_off"] is True
        self._must_have(purpose)

        def act() -> Mapping[str, Any]:
            with self._opened(purpose, writing=purpose is Purpose.SPARE) as folder:
                machine = self._machine()
                if purpose is Purpose.BACKUP:
                    label = backup.take(machine, folder, which, passphrase, old_is_off=is_off)
                else:
                    label = takeover.take_over(machine, folder, passphrase)
                return takeover.document(label)

        return self._begin("import", act)

    def _passphrase(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"passphrase": TEXT, or "" for no backups any more}."""
        paths = self._machine().paths
        if passphrase := str(request["passphrase"]):
            backup.set_passphrase(paths, passphrase)
        elif backup.has_passphrase(paths):
            backup.forget_passphrase(paths)
        return {}

    def _backup(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """{}: write one, if there is a stick and anything happened since the last."""
        is_busy = self._errand.said()["state"] == "running"
        machine = self._machine()
        is_wanted = backup.has_passphrase(machine.paths)
        if is_busy or not is_wanted or not self._has_backup_stick(machine):
            return {"begun": False}

        def act() -> Mapping[str, Any]:
            with (
                backup_news.kept(machine.paths, machine.clock),
                self._opened(Purpose.BACKUP, writing=True) as folder,
            ):
                label = backup.back_up(machine, folder)
            return takeover.document(label) if label else {}

        self._errand.start("backup", act)
        return {"begun": True, "errand": "backup"}

    def _begin(self, name: str, act: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        paths = self._machine().paths

        def remembered() -> Mapping[str, Any]:
            with errand_news.kept(paths, name):
                return act()

        self._errand.start(name, remembered)
        return {"begun": True, "errand": name}

    @contextmanager
    def _opened(self, purpose: Purpose, *, writing: bool) -> Iterator[Path]:
        """Its folder on the stick, as long as the block lasts; OSErrors become StickFailed."""
        with stick_in_words(), self._sticks.opened(purpose, writing=writing) as folder:
            yield folder

    def _has_backup_stick(self, machine: Machine) -> bool:
        """Whether there is one to write to; that there is none is kept for whoever looks."""
        try:
            if self._sticks.volume(Purpose.BACKUP) is not None:
                return True
        except NoServiceStick as problem:
            backup_news.failed(machine.paths, problem)
        else:
            backup_news.missed(machine.paths)
        return False

    def _must_have(self, purpose: Purpose) -> None:
        """Before it is begun in the background: what a person is to be told at once."""
        if self._sticks.volume(purpose) is None:
            raise NoServiceStick(why="none is plugged in")


def standing(machine: Machine) -> dict[str, Any]:
    """Which box works with what is here."""
    with machine.journal() as journal:
        return asdict(journal.charge.standing())


def on_stick(purpose: Purpose, folder: Path, name: str) -> dict[str, Any]:
    """What is on a stick for the box with that name: {"label": ..., "word": of its token, "by"}.

    The stick for backups has no token, and "backups": every label, each box's newest first, and
    "unreadable": how many others there are. Its "label" is the newest of this box, or where it has
    none, of another; None without any.
    """
    if purpose is Purpose.BACKUP:
        return _backups(folder, name)
    return _handed_over(folder)


def _backups(folder: Path, name: str) -> dict[str, Any]:
    found = [takeover.document(each.label) for each in backup.backups(folder)]
    own = [each for each in found if each["box"] == name]
    label, count = next(iter(own or found), None), backup.unreadable(folder)
    return {"label": label, "word": "", "by": "", "backups": found, "unreadable": count}


def _handed_over(folder: Path) -> dict[str, Any]:
    try:
        label = parcel.label(folder)
    except ParcelDamaged as problem:
        return {"label": None, "problem": problem.sentence, "hint": problem.hint}
    said = token.read(folder)
    return {
        "label": takeover.document(label) if label else None,
        "word": str(said.word) if said else "",
        "by": said.by if said else "",
    }
