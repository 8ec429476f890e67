"""The administrators' pages of integrations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm_platform.accounts import directory
from crm_platform.accounts.models import ApiToken
from crm_platform.kernel import clock
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into

from . import faults, figures, services, undoing
from .forms import SCOPE_LABELS, IntegrationForm, LifeForm, PeriodForm
from .models import Grant, Integration

_FIELDS = ("name", "kind", "redirect_uri", "scopes")


def listing(request: HttpRequest) -> HttpResponse:
    """All of them, those that work first."""
    services.require_manager(request.actor)  # type: ignore[attr-defined]
    rows = sorted(Integration.objects.defer("faults", "undo"), key=lambda row: (row.revoked_at is not None, row.name.casefold()))
    return responses.page(request, "integrations/list.html", integrations=rows)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The form; a good one makes it and shows the secret, once."""
    services.require_manager(request.actor)  # type: ignore[attr-defined]
    form = IntegrationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with errors_into(form):
                made, secret = services.make(request.actor, **form.cleaned_data)  # type: ignore[attr-defined]
            return _page(request, made, fresh_secret=secret)
        except Refused as refused:
            return responses.page(request, "integrations/new.html", status=refused.status, form=form)
    return responses.page(request, "integrations/new.html", status=422 if request.method == "POST" else 200, form=form)


@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """All that is known of one; POST changes it."""
    found = services.get(request.actor, pk)  # type: ignore[attr-defined]
    if request.method == "GET":
        return _page(request, found)
    form = IntegrationForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form=form, status=422)
    try:
        with errors_into(form):
            services.change(request.actor, pk, **form.cleaned_data)  # type: ignore[attr-defined]
    except Refused as refused:
        return _page(request, found, form=form, status=refused.status)
    return _done(request, pk, _("Saved."))


def _page(request: HttpRequest, integration: Integration, *, form: IntegrationForm | None = None, status: int = 200, **shown: Any) -> HttpResponse:
    now = clock.real_now()
    tokens = ApiToken.objects.filter(integration=integration, revoked_at=None, grant_uid="", expires_at__gt=now)
    grants = Grant.objects.filter(integration=integration, revoked_at=None, refresh_until__gt=now)
    context: dict[str, Any] = {
        "integration": integration, "form": form or IntegrationForm(initial={name: getattr(integration, name) for name in _FIELDS}), "life": LifeForm(), "period": PeriodForm(),
        "tokens": _named(tokens), "grants": _named(grants), "faults": faults.told(integration), "rows": figures.rows_written(integration), "usage": figures.usage(integration),
        "old_secret": integration.old_secret_until is not None and integration.old_secret_until > now, "undo": integration.undo, "scopes": [SCOPE_LABELS[scope] for scope in integration.scopes],
        "asks_at": request.build_absolute_uri(reverse("oauth")), "gets_at": request.build_absolute_uri(reverse("oauth-token")),
    }  # fmt: skip
    response = responses.page(request, "integrations/one.html", status=status, **context, **shown)
    if shown:
        response.headers["Cache-Control"] = "no-store"  # a secret stands on it
    return response


def _named(rows: Any) -> list[Any]:
    """With the person's name, from the one list of people."""
    found = list(rows[:50])
    for row in found:
        row.given_by = directory.name_of(row.person_id)
    return found


@require_POST
def secret(request: HttpRequest, pk: int) -> HttpResponse:
    """A new secret; the old one opens for a day more."""
    found, fresh = services.rotate_secret(request.actor, pk)  # type: ignore[attr-defined]
    return _page(request, found, fresh_secret=fresh)


@require_POST
def token(request: HttpRequest, pk: int) -> HttpResponse:
    """A long-lived token, shown once."""
    form = LifeForm(request.POST)
    found = services.get(request.actor, pk)  # type: ignore[attr-defined]
    if not form.is_valid():
        return _page(request, found, status=422)
    found, fresh = services.make_token(request.actor, pk, days=form.cleaned_data["days"], host=request.get_host())  # type: ignore[attr-defined]
    return _page(request, found, fresh_token=fresh)


@require_POST
def end_token(request: HttpRequest, pk: int, token_pk: int) -> HttpResponse:
    """End a long-lived token."""
    services.end_token(request.actor, pk, token_pk)  # type: ignore[attr-defined]
    return _done(request, pk, _("The token no longer works."))


@require_POST
def end_grant(request: HttpRequest, pk: int, grant_pk: int) -> HttpResponse:
    """Take back what a person gave."""
    services.end_grant(request.actor, pk, grant_pk)  # type: ignore[attr-defined]
    return _done(request, pk, _("The integration no longer works in this person’s name."))


def _verb(verb: Callable[[Any, int], Any], request: HttpRequest, pk: int, said: str) -> HttpResponse:
    verb(request.actor, pk)  # type: ignore[attr-defined]
    return _done(request, pk, said)


@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop it for a while."""
    return _verb(services.pause, request, pk, _("Paused. Only this integration stands still."))


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Let it go on."""
    return _verb(services.resume, request, pk, _("It goes on."))


@require_http_methods(["GET", "POST"])
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End it for good, after a question."""
    if request.method == "GET":
        return responses.page(request, "integrations/revoke.html", integration=services.get(request.actor, pk))  # type: ignore[attr-defined]
    return _verb(services.revoke, request, pk, _("Revoked. Nothing it was given opens anything any more."))


@require_http_methods(["GET", "POST"])
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """What undoing a period would do; POST does it."""
    found = services.get(request.actor, pk)  # type: ignore[attr-defined]
    form = PeriodForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        return responses.redirect(request, reverse("integration", args=[pk]))
    period = form.cleaned_data["period"]
    if request.method == "POST":
        undoing.ask(request.actor, pk, period=period)  # type: ignore[attr-defined]
        return _done(request, pk, _("Its writes are being put back. You can leave this page."))
    standing = found.paused_at is None and found.revoked_at is None
    context = {"integration": found, "period": period, "label": undoing.LABELS[period], "outlook": undoing.outlook(found, period), "standing": standing}
    return responses.page(request, "integrations/undo.html", **context)


def _done(request: HttpRequest, pk: int, said: str) -> HttpResponse:
    return responses.toast(request, responses.redirect(request, reverse("integration", args=[pk])), said)
