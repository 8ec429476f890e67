"""The reader's language, and who acts: nobody comes past here who is not known, unless the view says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import access, budgets, clock, gates, preferences, versions
from crm_platform.kernel.budgets import BudgetSpent
from crm_platform.kernel.errors import CrmError, NotSignedIn
from crm_platform.kernel.http.errors import bears_token
from crm_platform.kernel.permissions import Actor, ActorKind

from . import operators, seats
from .actors import actor_of
from .models import ApiToken, User
from .roles import OWNER
from .tokens import TokenNotHere, budget_key, person_to_act_as, read_api_token, require_scope

View = Callable[[HttpRequest], HttpResponse]
_SEEN_EVERY = timedelta(minutes=5)
CONFIRM_WITHIN = timedelta(days=7)
# allauth's pages for people who are not in yet; its other pages guard themselves, and ours are guarded here.
_OPEN_NAMES = frozenset(
    {
        "account_login", "account_logout", "account_inactive", "account_reset_password", "account_reset_password_done",
        "account_reset_password_from_key", "account_reset_password_from_key_done", "mfa_authenticate", "account_confirm_login_code",
    }
)  # fmt: skip
_CLOSED_NAMES = frozenset({"account_signup", "account_email", "account_set_password", "account_request_login_code"})


class EmailNotConfirmed(CrmError):
    """The owner has not confirmed the e-mail within seven days."""

    code, status = "email_not_confirmed", 403
    heading = _("Confirm your e-mail")
    sentence = _("Confirm your e-mail to go on: the link is in the letter we sent to {email}. Nothing was lost.")


class OwnersAlone(CrmError):
    """For the time being only an owner comes in."""

    code, status = "owners_alone", 403
    heading = _("Only an owner can come in at present")
    sentence = _("{reason} An owner of the workspace can export everything and open it again.")


def open_to_all(view: Any) -> Any:
    """Mark a view of a workspace that strangers may open."""
    view.open_to_all = True
    return view


def by_token(view: Any) -> Any:
    """Mark a view that programs may open with a token."""
    view.by_token = True
    return view


def scoped(scope: str, **by_method: str) -> Callable[[Any], Any]:
    """Mark a view that programs may open only with a token given for `scope`; another for a method: `@scoped("files", DELETE="files_delete")`.

    An unmarked view asks for "crm"; "users" is the part of it that integrations of the kind external lack.
    """

    def mark(view: Any) -> Any:
        view.scope, view.scopes_by_method = scope, by_method
        return view

    return mark


def scope_of(view: Any, request: HttpRequest) -> str:
    """What a token must have been given for to open the view so."""
    return str(getattr(view, "scopes_by_method", {}).get(request.method) or getattr(view, "scope", "crm"))


def _draw(request: HttpRequest, token: ApiToken) -> None:
    """One request of the program's own budget; raises BudgetSpent. Never anybody else's: the workspace's people and other programs go on."""
    budget = request.budget = budgets.draw(budget_key(token), rate=gates.limit("api_rate"))  # type: ignore[attr-defined]
    if budget is not None and budget.retry_after:
        raise BudgetSpent(retry_after=budget.retry_after)


class LanguageMiddleware:
    """Language of the person, else of the cookie, else of the browser; time zone of the firm."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        use_language(request, request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "") or translation.get_language_from_request(request))
        response = self.get_response(request)
        response.headers.setdefault("Content-Language", translation.get_language() or "en")
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response


def use_language(request: HttpRequest, language: str) -> None:
    """Speak one of the five languages for the rest of the request."""
    chosen = language if language in dict(settings.LANGUAGES) else "en"
    translation.activate(chosen)
    request.LANGUAGE_CODE = chosen


def admitted(person: User, *, name: str = "", working: bool = True) -> Actor:
    """The actor of a person who may come in, by whatever door. `name` is the page's; `working` as in `seats.admit`.

    Raises NoSeat and what else refuses a seat, OwnersAlone, EmailNotConfirmed.
    """
    if name not in _WITHOUT_SEAT:
        seats.admit(person, working=working, counted=name not in _BY_ITSELF)
    actor = actor_of(person)
    if access.here().level is access.Level.OWNER and person.role.code != OWNER:
        raise OwnersAlone(reason=access.here().sentence)
    if person.email_confirmed_at is None and clock.real_now() - person.created_at > CONFIRM_WITHIN and name not in _WITHOUT_CONFIRMATION:
        raise EmailNotConfirmed(email=person.email)
    return actor


class ActorMiddleware:
    """Builds `request.actor`; refuses strangers at every view of a workspace that does not open itself to them."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = None  # type: ignore[attr-defined]
        with timezone.override(None):
            response = self.get_response(request)
            if request.resolver_match is None and request.user.is_authenticated:
                use_language(request, request.user.language)  # no view was found, and so none of them took the person in
        budgets.stamp(request, response)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Cache-Control", "private, no-cache")
        if request.method == "POST" and request.resolver_match and request.resolver_match.url_name == "account_logout":
            response.headers["Clear-Site-Data"] = '"cache"'  # what "Back" would show to the next at this desk
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Before the view. Django gives what is raised here to nobody: a refusal is noted, the outermost renders it."""
        try:
            return self._admit(request, view)
        except CrmError as refusal:
            request.refusal = refusal  # type: ignore[attr-defined]
            return HttpResponse(status=refusal.status)

    def _admit(self, request: HttpRequest, view: Any) -> HttpResponse | None:
        if getattr(request, "place", None) is None:
            return operators.admit(request) if getattr(request, "urlconf", "") == settings.OPERATOR_URLCONF else None
        name = request.resolver_match.url_name if request.resolver_match else ""
        timezone.activate(preferences.zone())
        if name in _CLOSED_NAMES:
            return HttpResponse(status=404)
        if getattr(view, "by_token", False) and bears_token(request):
            self._take_token(request, view)
            return None
        if request.user.is_authenticated:
            self._take(request, request.user, name=name or "")
            return None
        if getattr(view, "open_to_all", False) or name in _OPEN_NAMES:
            return None
        raise TokenNotHere if bears_token(request) else NotSignedIn

    def _take_token(self, request: HttpRequest, view: Any) -> None:
        try:
            token = request.token = read_api_token(request.headers["Authorization"])  # type: ignore[attr-defined]
        except CrmError as refused:
            request.integration_id = refused.facts.get("integration")  # type: ignore[attr-defined]
            raise
        request.integration_id = token.integration_id  # type: ignore[attr-defined]
        _draw(request, token)
        require_scope(token, scope_of(view, request))
        other = request.headers.get("X-Context-User-ID", "")
        person = request.user = person_to_act_as(token, other) if other else token.person
        self._take(request, person, name="", working=False)
        via = f"token {token.name}" if token.integration_id is None else f"integration:{token.integration_id}"
        request.actor = request.actor.through(ActorKind.INTEGRATION, via=via)  # type: ignore[attr-defined]

    def _take(self, request: HttpRequest, person: User, *, name: str, working: bool = True) -> None:
        use_language(request, person.language)
        request.actor = admitted(person, name=name, working=working)  # type: ignore[attr-defined]
        now = clock.real_now()
        if name not in _BY_ITSELF and (person.last_seen_at is None or now - person.last_seen_at > _SEEN_EVERY):
            with versions.quiet():
                User.objects.filter(pk=person.pk).update(last_seen_at=now)


_WITHOUT_SEAT = frozenset({"account_logout", "seat-asked"})
# What an open page asks for by itself.
_BY_ITSELF = frozenset({"ringing"})
_WITHOUT_CONFIRMATION = frozenset({"account_logout", "confirm-email", "send-confirmation", "settings", "profile"})
