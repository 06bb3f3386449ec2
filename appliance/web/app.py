"""Owns the page as one piece: its routes in one table, the gate before them, headers, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from flask import Flask, Response, jsonify, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException

from appliance.errors import NotThere, Problem, Refused
from appliance.web import words
from appliance.web.auth import Auth, Cookies
from appliance.web.box import Box
from appliance.web.views.account import Account
from appliance.web.views.api import Api
from appliance.web.views.certificate import Certificate
from appliance.web.views.clock import Clock as ClockView
from appliance.web.views.days import Days
from appliance.web.views.doctor import Doctor
from appliance.web.views.documents import Documents
from appliance.web.views.films import Films
from appliance.web.views.items import Items
from appliance.web.views.network import Network
from appliance.web.views.pictures import Pictures
from appliance.web.views.promotion import Promote
from appliance.web.views.reset import Reset
from appliance.web.views.service import Service
from appliance.web.views.settings import Settings
from appliance.web.views.sources import Sources
from appliance.web.views.status import Status
from appliance.web.views.tables import Destinations, Profiles
from appliance.web.views.updates import Updates
from appliance.web.views.worklists import Worklists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask.typing import ResponseReturnValue

    from appliance.clock import Clock
    from appliance.journal.session import Paths

_LARGEST_FORM = 256 * 1024

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Route(NamedTuple):
    """One address of the page; GET reads, POST changes."""

    rule: str
    name: str
    view: Callable[..., ResponseReturnValue]
    methods: str = "GET"


def _routes(box: Box, auth: Auth) -> Iterator[Route]:
    both = "GET POST"
    yield from _door(Account(box, auth), both)
    status, films, items = Status(box), Films(box), Items(box)
    yield Route("/", "status", status.page)
    yield Route("/live", "live", status.live)
    yield Route("/films", "films", films.search)
    yield Route("/attention", "attention", items.attention)
    yield Route("/items/<int:item_id>", "item", items.page)
    yield Route("/items/<int:item_id>/why", "why", items.why)
    yield Route("/items/<int:item_id>/retry", "retry", items.retry, "POST")
    yield Route("/items/<int:item_id>/pick", "pick", items.pick, "POST")
    yield Route("/items/<int:item_id>/release", "release", items.release, "POST")
    yield Route("/items/<int:item_id>/discard", "discard", items.discard, both)
    days = Days(box)
    yield Route("/days", "days", days.page)
    yield Route("/days.csv", "days_table", days.table)
    yield Route("/days/<day>/ask", "ask_day", days.ask, "POST")
    yield Route("/silence/<source>/excuse", "excuse", days.excuse, "POST")
    pictures = Pictures(box)
    yield Route("/items/<int:item_id>/preview/<int:number>", "preview", pictures.preview)
    yield Route("/items/<int:item_id>/document/<int:number>", "document", pictures.document)
    settings = Settings(box)
    yield Route("/settings", "settings", settings.overview)
    yield Route("/settings/box", "box", settings.box, both)
    yield Route("/settings/history", "history", settings.history)
    yield Route("/settings/history/<int:number>", "version", settings.version, both)
    profiles = Profiles(box)
    yield Route("/settings/profile/try", "try_profile", profiles.tried)
    sources = Sources(box)
    yield Route("/settings/source/new", "new_source", sources.choose)
    yield Route("/settings/source/new/<kind>", "new_link", sources.new, both)
    yield Route("/settings/source/named/<name>", "edit_source", sources.edit, both)
    yield Route("/settings/source/named/<name>/remove", "remove_source", sources.remove, both)
    promotion = "/settings/destination/named/<name>/promote"
    yield Route(promotion, "promote", Promote(box).page, both)
    for table in (Destinations(box), profiles, Worklists(box)):
        place = f"/settings/{table.name}"
        yield Route(f"{place}/new", f"new_{table.name}", table.new, both)
        yield Route(f"{place}/named/<name>", f"edit_{table.name}", table.edit, both)
        yield Route(f"{place}/named/<name>/remove", f"remove_{table.name}", table.remove, both)
    doctor = Doctor(box)
    yield Route("/settings/destination/named/<name>/doctor", "doctor", doctor.page, both)
    yield from _papers(Documents(box))
    yield from _service(Service(box))


def _service(service: Service) -> Iterator[Route]:
    """What is done about the box itself."""
    yield Route("/settings/service", "service", service.page)
    yield Route("/settings/service/<verb>", "service_act", service.act, "POST")
    yield Route("/settings/service/support", "support", service.support)
    yield Route("/settings/service/support.zip", "support_file", service.support_file)
    yield Route("/emergency-card", "emergency", service.card)


def _papers(documents: Documents) -> Iterator[Route]:
    """What is given to others."""
    yield Route("/conformance", "conformance", documents.conformance)
    yield Route("/conformance.md", "conformance_text", documents.conformance_text)
    yield Route("/setup-sheet", "setup_sheet", documents.setup_sheet)


def _of_the_machine(box: Box) -> Iterator[Route]:
    """What has to do with the box as a machine, and not with images."""
    updates = Updates(box)
    yield Route("/settings/updates", "updates", updates.page)
    yield Route("/settings/updates/live", "updating", updates.live)
    yield Route("/settings/updates/piece", "update_piece", updates.piece, "POST")
    yield Route("/settings/updates/install", "install_update", updates.install, "POST")
    yield Route("/settings/updates/fetch", "fetch_update", updates.fetch, "POST")
    yield Route("/api/v1/updates", "api_updates", updates.document)
    yield Route("/settings/reset", "reset", Reset(box).page, "GET POST")
    yield from _network(Network(box))
    certificate = Certificate(box)
    yield Route("/settings/certificate", "certificate", certificate.page, "GET POST")
    yield Route("/settings/clock", "clock", ClockView(box).page, "GET POST")
    forget = "/settings/certificate/forget"
    yield Route(forget, "forget_certificate", certificate.forget, "POST")


def _door(account: Account, both: str) -> Iterator[Route]:
    """The ways in and out."""
    yield Route("/claim", "claim", account.claim, both)
    yield Route("/login", "login", account.login, both)
    yield Route("/logout", "logout", account.logout, "POST")
    yield Route("/settings/password", "password", account.password, both)
    yield Route("/recovery-key", "recovery_key", account.recovery_key, both)


def _network(network: Network) -> Iterator[Route]:
    """The box in its network."""
    yield Route("/settings/network", "network", network.page)
    yield Route("/settings/network/change", "change_network", network.change, "GET POST")
    yield Route("/settings/network/confirm", "confirm_network", network.confirm, "POST")
    yield Route("/settings/network/revert", "revert_network", network.revert, "POST")


def _machines(api: Api) -> Iterator[Route]:
    """What other programs read."""
    yield Route("/healthz", "healthz", api.healthz)
    yield Route("/metrics", "metrics", api.metrics)
    yield Route("/api/v1/status", "api_status", api.status)
    yield Route("/api/v1/openapi.json", "openapi", api.openapi)


def create_app(paths: Paths, clock: Clock) -> Flask:
    """The page of the box whose state lies at `paths`."""
    app = Flask(__name__)
    app.config.update(
        SESSION_COOKIE_NAME="jembatan",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        MAX_CONTENT_LENGTH=_LARGEST_FORM,
        WTF_CSRF_TIME_LIMIT=None,  # of the session: a form left open over lunch still works
    )
    app.session_interface = Cookies(paths.root)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    box = Box(paths, clock)
    auth = Auth(box)
    for route in (*_routes(box, auth), *_of_the_machine(box), *_machines(Api(box))):
        app.add_url_rule(route.rule, route.name, route.view, methods=route.methods.split())
    app.before_request(auth.gate)  # before CSRF: a stranger is sent to the login
    app.before_request(Updates.widen)
    CSRFProtect(app)
    words.teach(app, box, auth)
    app.after_request(_add_headers)
    app.teardown_appcontext(box.close_journal)
    app.register_error_handler(Problem, _problem_page)
    app.register_error_handler(CSRFError, _stale_form_page)
    app.register_error_handler(HTTPException, _http_page)
    return app


def _add_headers(response: Response) -> Response:
    response.headers.update(_HEADERS)
    # Patients' names stay out of the cache; what says otherwise knows why.
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _problem_page(problem: Problem) -> ResponseReturnValue:
    status = 404 if isinstance(problem, NotThere) else 409 if isinstance(problem, Refused) else 503
    return _error("problem", status, problem=problem)


def _stale_form_page(_: CSRFError) -> ResponseReturnValue:
    return _error("stale form", 400)


def _http_page(error: HTTPException) -> ResponseReturnValue:
    return _error("http", error.code or 500)


def _error(kind: str, status: int, problem: Problem | None = None) -> ResponseReturnValue:
    if request.path.startswith("/api/"):
        return jsonify(error=problem.sentence if problem else kind), status
    page = render_template("error.html", kind=kind, status=status, problem=problem)
    return page, status
