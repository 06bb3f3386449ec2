"""Who gets in: the claim, the login, the end of a session, and nobody else."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.box import erasing
from appliance.journal.journal import Paths
from appliance.settings import access
from tests.web.visitor import PASSWORD, Visitor, text_of

if TYPE_CHECKING:
    from tests.builders.box import Box

FOR_STRANGERS = {"/claim", "/login"}
FOR_ALL = {"/healthz", "/metrics", "/api/v1/openapi.json"}


def addresses(visitor: Visitor, method: str) -> list[str]:
    """Every address the page answers to, its variables filled in."""
    return [
        re.sub(r"<[^>]+>", "1", rule.rule)
        for rule in visitor.rules()
        if method in (rule.methods or ()) and not rule.rule.startswith("/static")
    ]


def test_the_first_visit_leads_to_the_claim(stranger: Visitor) -> None:
    answer = stranger.get("/")
    assert (answer.status_code, answer.location) == (302, "/claim")
    assert "claim code" in text_of(stranger.get("/claim"))
    assert stranger.get("/login").location == "/claim"


def test_the_claim_opens_the_box_and_happens_once(stranger: Visitor) -> None:
    assert stranger.claim().location == "/"
    assert stranger.is_in()
    other = stranger.another()
    assert other.get("/claim").location == "/login"
    assert not other.is_in()
    assert other.log_in().location == "/"
    assert other.is_in()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"code": "WRONG-CODE1"}, "not this box's claim code"),
        ({"password": "short", "again": "short"}, "at least 8 characters"),
        ({"again": "something else"}, "not the same"),
    ],
)
def test_a_claim_that_is_refused_says_why_and_changes_nothing(
    stranger: Visitor, change: dict[str, str], said: str
) -> None:
    code = access.claim_code(stranger.box.paths.root)
    fields = {"code": code, "password": PASSWORD, "again": PASSWORD, **change}
    answer = stranger.post("/claim", **fields)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert not access.claimed(stranger.box.paths.root)


def test_the_code_may_be_typed_as_people_type(stranger: Visitor) -> None:
    code = access.claim_code(stranger.box.paths.root).lower().replace("-", " ")
    assert stranger.post("/claim", code=code, password=PASSWORD, again=PASSWORD).location == "/"


def test_no_page_is_shown_to_strangers(owner: Visitor) -> None:
    stranger = owner.another()
    for path in set(addresses(owner, "GET")) - FOR_STRANGERS:
        if path in FOR_ALL:
            assert stranger.get(path).status_code == 200
        elif path.startswith("/api/"):
            assert stranger.get(path).status_code == 401
        else:
            assert stranger.get(path).location.startswith("/login"), path
    assert stranger.get("/no-such-page").location.startswith("/login")
    for path in set(addresses(owner, "POST")) - FOR_STRANGERS:
        assert stranger.post_bare(path).location == "/login", path


def test_a_form_this_page_did_not_give_out_is_refused(owner: Visitor) -> None:
    for path in addresses(owner, "POST"):
        answer = owner.post_bare(path)
        assert answer.status_code == 400, path
        assert "Nothing was changed" in text_of(answer)
    assert owner.is_in()


def test_the_password_is_asked_for_and_checked(owner: Visitor) -> None:
    stranger = owner.another()
    answer = stranger.log_in("something else")
    assert answer.status_code == 422
    assert "That is not the password." in text_of(answer)
    assert not stranger.is_in()


def test_who_forgot_the_password_reads_what_to_do_with_the_box(
    box: Box, owner: Visitor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A workstation has neither button nor card."""
    assert "Password forgotten" not in text_of(owner.another().get("/login"))
    box.paths = Paths(box.paths.root, tmp_path_factory.mktemp("run"))
    said = text_of(Visitor(box).get("/login"))
    assert f"{erasing.NAME} with the words {erasing.Wish.PASSWORD} ." in said


def test_after_the_login_the_wanted_page_follows_but_never_another_site(owner: Visitor) -> None:
    owner.post("/logout", "/settings")
    assert owner.get("/films?name=a").location == "/login?next=/films?name%3Da"
    wanted = {"/films?name%3Da": "/films?name=a", "//evil.example": "/", "/%5Cevil": "/"}
    for asked, followed in wanted.items():
        visitor = owner.another()
        assert visitor.post(f"/login?next={asked}", password=PASSWORD).location == followed


def test_guessing_is_slowed_down_in_plain_words(owner: Visitor, box: Box) -> None:
    guesser = owner.another()
    answers = [guesser.log_in(f"guess {number}") for number in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert "Please wait 30 seconds" in text_of(answers[-1])
    assert answers[-1].headers["Retry-After"] == "30"
    assert guesser.log_in().status_code == 429
    assert owner.another("198.51.100.7").log_in().location == "/"
    box.clock.passes(seconds=30)
    assert guesser.log_in().location == "/"


def test_claim_codes_cannot_be_guessed_quickly_either(stranger: Visitor) -> None:
    fields = {"password": PASSWORD, "again": PASSWORD}
    answers = [stranger.post("/claim", code=f"GUESS-{n}", **fields) for n in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert stranger.claim().status_code == 429


def test_logging_out_ends_the_session(owner: Visitor) -> None:
    assert owner.post("/logout", "/settings").location == "/login"
    assert not owner.is_in()


def test_a_session_ends_after_twelve_hours(owner: Visitor, box: Box) -> None:
    box.clock.passes(hours=11, minutes=59)
    assert owner.is_in()
    box.clock.passes(minutes=2)
    assert not owner.is_in()


def test_a_session_from_the_future_is_none(owner: Visitor, box: Box) -> None:
    box.clock.is_set(box.clock.utc() - timedelta(days=1))
    assert not owner.is_in()


def test_a_session_outlives_that_the_box_is_told_the_time(owner: Visitor, box: Box) -> None:
    visitor = owner.another()
    visitor.log_in()
    box.clock.is_set(box.clock.utc() + timedelta(days=2000))
    assert visitor.is_in()
    box.clock.is_set(box.clock.utc() - timedelta(days=4000))
    assert visitor.is_in()
    box.clock.passes(hours=13)
    assert not visitor.is_in()


def test_a_new_password_signs_everybody_else_out(owner: Visitor) -> None:
    other = owner.another()
    other.log_in()
    fields = {"password": "another password", "again": "another password"}
    assert owner.post("/settings/password", old="wrong", **fields).status_code == 422
    assert other.is_in()
    assert owner.post("/settings/password", old=PASSWORD, **fields).location == "/settings"
    assert owner.is_in()
    assert not other.is_in()
    assert other.log_in().status_code == 422
    assert other.log_in("another password").location == "/"


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(stranger: Visitor) -> None:
    cookie = stranger.claim().headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie
    secure = stranger.another().get("/login", base_url="https://box.example")
    assert "Secure" in secure.headers["Set-Cookie"]


def test_every_answer_forbids_foreign_scripts_frames_and_copies(owner: Visitor) -> None:
    for path in ("/", "/login", "/no-such-page", "/healthz"):
        headers = owner.get(path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"


def test_a_page_before_keeper_has_made_the_keys_says_that_the_box_is_starting(
    stranger: Visitor,
) -> None:
    (stranger.box.paths.etc / "access.json").unlink()
    answer = stranger.get("/")
    assert answer.status_code == 503
    assert "starting" in text_of(answer)
    assert stranger.get("/healthz").status_code == 200
