"""Owns `jembatan queue`: look at images and decide about them, one by one."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from appliance.commands.box import journal_of, paths_of
from appliance.commands.out import complain, document, say, table
from appliance.desk import candidates, queue
from appliance.desk.release import release as release_item
from appliance.desk.release import release_to_order
from appliance.errors import Problem
from appliance.identify.requested import exam, person
from appliance.settings.current import Current

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    from appliance.desk.queue import Shown
    from appliance.identify.candidates import Candidate
    from appliance.journal.journal import Journal


def unfinished(options: Namespace) -> int:
    """What is on its way or needs a person."""
    with journal_of(paths_of(options.root)) as journal:
        films = queue.unfinished(journal)
    if options.json:
        document([film.document() for film in films])
    else:
        table((film.id, film.name, film.state, film.answer) for film in films)
    return 0


def show(options: Namespace) -> int:
    """One image and all that happened to it; where it wants a patient, whom it may have."""
    paths = paths_of(options.root)
    with journal_of(paths) as journal:
        shown = queue.show(journal, options.id)
        choice = candidates.choice(journal, Current(paths.root).get(), shown)
    if options.json:
        offered = [candidates.document(each) for each in choice]
        document({**shown.document(), "candidates": offered})
    else:
        _tell(shown)
        _offer(choice)
    return 0


def retry(options: Namespace) -> int:
    """Let images go on."""
    return _each(options, lambda journal, id_: queue.retry(journal, id_, who=_who(options)))


def hold(options: Namespace) -> int:
    """Stop images."""
    return _each(options, lambda journal, id_: queue.hold(journal, id_, who=_who(options)))


def discard(options: Namespace) -> int:
    """Give up on an image."""
    return _each(
        options,
        lambda journal, id_: queue.discard(journal, id_, reason=options.reason, who=_who(options)),
    )


def release(options: Namespace) -> int:
    """Say whose image it is, or which order it answers."""
    settings, who = Current(paths_of(options.root).root).get(), _who(options)
    if key := options.item:
        return _each(
            options, lambda journal, id_: release_to_order(journal, settings, id_, key, who=who)
        )
    said = dict(options.set or ())
    return _each(options, lambda journal, id_: release_item(journal, settings, id_, said, who=who))


def _each(options: Namespace, decide: Callable[[Journal, int], str]) -> int:
    """Decide about every image that was named; what is refused does not keep others from it."""
    done: list[tuple[int, str]] = []
    not_done: list[tuple[int, Problem]] = []
    with journal_of(paths_of(options.root)) as journal:
        for item_id in options.ids:
            try:
                done.append((item_id, decide(journal, item_id)))
            except Problem as problem:
                not_done.append((item_id, problem))
    for _, why in not_done:
        complain(why)
    if options.json:
        document(
            {
                "done": [{"id": item_id, "sentence": sentence} for item_id, sentence in done],
                "refused": [
                    {"id": i, "code": p.code, "sentence": p.sentence, "hint": p.hint}
                    for i, p in not_done
                ],
            }
        )
    else:
        say(*(f"{item_id}: {sentence}" for item_id, sentence in done))
    return 1 if not_done else 0


def _who(options: Namespace) -> str:
    return options.by or getpass.getuser()


def _tell(shown: Shown) -> None:
    film = shown.film
    say(f"{film.id}  {film.name}  from {film.source}, {film.arrived_at}", film.answer)
    if film.hint:
        say(film.hint)
    if shown.item.identity:
        say("", *(f"  {k} = {v}" for k, v in sorted(shown.item.identity.values.items()) if v))
    say("")
    table(
        (
            event["at"][:19],
            event["destination"] or "",
            event["after"] if event["before"] != event["after"] else "",
            event["sentence"],
        )
        for event in shown.history
    )


def _offer(choice: Sequence[Candidate]) -> None:
    """The orders it may answer; the first column goes behind `release --item`."""
    if choice:
        say("")
        table((c.order.key, person(c.order), exam(c.order), "; ".join(c.reasons)) for c in choice)
