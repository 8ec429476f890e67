"""Sign-up crosses the gap between the sides, so its door opens units of its own."""

from __future__ import annotations

from datetime import timedelta

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods

from crm_platform.accounts import tokens
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.kernel import clock, workspace
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.http import throttle
from crm_platform.letters import post
from crm_platform.ui import responses
from tenants.creating import NoneReady, SentBefore, Wish, check_free, create_once, made_lately
from tenants.mailindex import workspaces_of
from tenants.middleware import own_units
from tenants.models import Workspace
from tenants.routing import url_of
from tenants.suggesting import free_addresses

from .forms import FindForm, StartForm

HOUR = 3600
# A lost answer is asked for again at once; later the founder logs in like everyone.
REPLAYED_WITHIN = timedelta(minutes=10)


@own_units
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """The form; a good one makes the workspace and goes over to it with a token of 60 s."""
    if request.method == "GET":
        return _page(request, StartForm.fresh(request.GET.get("email", "")[:254]))
    form = StartForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        check_free(form.cleaned_data["slug"], firm=form.cleaned_data["firm"], operation=form.cleaned_data["operation"])
    except Invalid as error:  # to find the address taken is no try at signing up
        return _refused(request, form, error)
    throttle.limit("signup-from", throttle.client_address(request), most=settings.CRM_SIGNUPS_AN_HOUR, seconds=HOUR)
    throttle.limit("signup-by", form.cleaned_data["email"], most=10, seconds=HOUR)
    wish = _wish(form)
    try:
        made, fresh = create_once(wish, operation=form.cleaned_data["operation"])
    except NoneReady as error:
        form.add_error(None, error.message)
        return _page(request, form, status=503)
    except SentBefore as error:
        form.add_error(None, error.message)
        return _page(request, form, status=409)
    except Invalid as error:
        return _refused(request, form, error)
    return responses.redirect(request, _way_over(made, wish, fresh=fresh))


def _refused(request: HttpRequest, form: StartForm, error: Invalid) -> HttpResponse:
    for name, sentences in error.fields.items():
        form.add_error(name, [str(sentence) for sentence in sentences])
    return _page(request, form, status=422, free=error.facts.get("free", ()))


def _page(request: HttpRequest, form: StartForm, *, status: int = 200, free: object = ()) -> HttpResponse:
    return responses.page(request, "signup/start.html", status=status, form=form, base=settings.PUBLIC_HOST, free=free)


def _wish(form: StartForm) -> Wish:
    given = form.cleaned_data
    zone = given["time_zone"] if given["time_zone"] in clock.zones() else "UTC"
    language = get_language() or "en"
    currency = {"ru": "RUB", "uz": "UZS"}.get(language, "EUR")
    return Wish(firm=given["firm"], slug=given["slug"], email=given["email"].lower(), password=given["password"], language=language, time_zone=zone, currency=currency)


def _way_over(made: Workspace, wish: Wish, *, fresh: bool) -> str:
    """An entry link for the founder; a replay gets one only soon after, with the founder's own password, else the log-in page."""
    if not fresh and not made_lately(made, within=REPLAYED_WITHIN):
        return url_of(made.place)
    with sides.unit(made.place):
        person = User.objects.filter(email__iexact=wish.email, is_active=True).first()
        if person is None or not (fresh or (person.check_password(wish.password) and not is_mfa_enabled(person))):
            return workspace.url("/")
        return tokens.entry_link(person)


def suggest(request: HttpRequest) -> HttpResponse:
    """A free address for a firm's name, as one types."""
    firm = request.GET.get("firm", "")[:200]
    free = free_addresses(firm, count=1) if firm.strip() else []
    form = StartForm(initial={"slug": free[0] if free else ""})
    return responses.fragment(request, "signup/_address.html", form=form, base=settings.PUBLIC_HOST)


@require_http_methods(["GET", "POST"])
def find(request: HttpRequest) -> HttpResponse:
    """Send the list of workspaces to the address; the page says the same whether there are any or none."""
    form = FindForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        throttle.limit("find-from", throttle.client_address(request), most=20, seconds=HOUR)
        throttle.limit("find-for", email, most=5, seconds=HOUR)
        found = [{"name": row.name, "url": url_of(row.place)} for row in workspaces_of(email)]
        post.write(email, "workspaces", language=get_language() or "en", workspaces=found, start=workspace.url("/start"))
        return responses.page(request, "signup/found.html", email=email)
    status = 422 if request.method == "POST" else 200
    return responses.page(request, "signup/find.html", status=status, form=form)
