"""Settings of the workspace as a whole: address, own hosts, leaving. What is decided stands on the control side at once; this unit tells the workspace."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm_platform.accounts import tokens
from crm_platform.accounts.roles import OWNER
from crm_platform.db import sides
from crm_platform.kernel import clock, permissions, workspace
from crm_platform.kernel.permissions import require
from crm_platform.kernel.workspace import Place
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into
from tenants import routing
from tenants.models import Workspace

from . import certificates, hosts, leaving, renaming, telling
from .forms import AddressForm, HostForm, LeaveForm
from .models import OwnHost
from .naming import spoken
from .permissions import WORKSPACE

# "Check now" waits for a worker this long before the page stops asking.
LOOKS_FOR = timedelta(seconds=40)


@require_http_methods(["GET", "POST"])
def address(request: HttpRequest) -> HttpResponse:
    """The address, its old ones, and the firm's own."""
    require(request.actor, WORKSPACE.right("view"))  # type: ignore[attr-defined]
    if request.method == "GET":
        return _address_page(request)
    form = AddressForm(request.POST)
    if not form.is_valid():
        return _address_page(request, form=form, status=422)
    try:
        with errors_into(form):
            entry = renaming.rename_by(request.actor, _place(request).public_id, to=form.cleaned_data["slug"], operation=form.cleaned_data["operation"])  # type: ignore[attr-defined]
    except Refused as refused:
        return _address_page(request, form=form, status=refused.status)
    telling.tell_here(entry)
    return _over_to(request, form.cleaned_data["slug"])


def _over_to(request: HttpRequest, slug: str) -> HttpResponse:
    """Sessions belong to a host: the person goes over to the new one with a link that works once. At a host of the firm's own nothing moves."""
    here = reverse("address")
    said = _("The address is changed. The old one leads here for twelve months.")
    if "." in routing.address_of(request.get_host())[1]:
        return responses.toast(request, responses.redirect(request, here), said)
    with sides.inside(replace(_place(request), slug=slug)):
        link = tokens.entry_link(request.user, path=here)  # type: ignore[arg-type]  # ActorMiddleware let a person in
    place = replace(_place(request), slug=slug)
    return responses.redirect(request, workspace.url("/" + link.split("/", 3)[3], place=place))


def _place(request: HttpRequest) -> Place:
    place: Place = request.place  # type: ignore[attr-defined]
    return place


def _address_page(request: HttpRequest, *, form: Any = None, host_form: Any = None, status: int = 200) -> HttpResponse:
    place = _place(request)
    with sides.outside():
        row = Workspace.objects.get(public_id=place.public_id)
        old = list(renaming.old_addresses(row))
        own = list(OwnHost.objects.filter(workspace=row))
    for label in old:
        label.free_at = (label.retired_at or clock.now()) + renaming.KEPT
    context: dict[str, Any] = {
        "slug": row.slug, "base": settings.PUBLIC_HOST, "form": form or AddressForm.fresh(), "host_form": host_form or HostForm.fresh(), "old": old,
        "hosts": [_drawn(wish, slug=row.slug or "") for wish in own], "may_edit": permissions.may(request.actor, WORKSPACE.right("edit")),  # type: ignore[attr-defined]
        "operation": uuid.uuid4(),
    }  # fmt: skip
    return responses.page(request, "lifecycle/address.html", status=status, **context)


def _drawn(wish: OwnHost, *, slug: str) -> dict[str, Any]:
    """A host with the records to enter."""
    asked = wish.next_check_at is not None and wish.next_check_at <= clock.now() < wish.next_check_at + LOOKS_FOR
    return {
        "row": wish, "spoken": spoken(wish.host), "text_name": hosts.record_name(wish.host), "text_value": wish.token, "name_value": f"{slug}.{settings.PUBLIC_HOST}",
        "problem": PROBLEMS.get(wish.problem, lambda: "")(), "looking": asked, "operation": uuid.uuid4(),
        "grace_until": wish.failing_since + hosts.GRACE if wish.failing_since else None,
    }  # fmt: skip


PROBLEMS = {
    "unproved": lambda: _("Neither record has been found yet. Name servers may take up to a day to tell the world."),
    "elsewhere": lambda: _("The TXT record is right, but the address leads elsewhere. Enter the CNAME record too."),
    "old_name": lambda: _("The CNAME record is right, but this address belonged to another workspace once. Enter the TXT record too."),
    "silent": lambda: _("The name servers of this address did not answer. We ask again soon."),
    "taken": lambda: _("Another workspace has proved this address. If it is yours, let it be removed there first."),
}


@require_POST
def host_add(request: HttpRequest) -> HttpResponse:
    """Wish for a host of the firm's own."""
    require(request.actor, WORKSPACE.right("view"))  # type: ignore[attr-defined]
    form = HostForm(request.POST)
    if not form.is_valid():
        return _address_page(request, host_form=form, status=422)
    try:
        with errors_into(form):
            entry = hosts.add_by(request.actor, _place(request).public_id, typed=form.cleaned_data["host"], operation=form.cleaned_data["operation"])  # type: ignore[attr-defined]
    except Refused as refused:
        return _address_page(request, host_form=form, status=refused.status)
    telling.tell_here(entry)
    return responses.toast(request, responses.redirect(request, reverse("address")), _("Added. Enter the records now; we look for them every quarter of an hour."))


@require_POST
def host_check(request: HttpRequest, pk: int) -> HttpResponse:
    """Look at the records now; a worker asks, the page shows its answer by itself."""
    hosts.check_soon(request.actor, _place(request).public_id, pk)  # type: ignore[attr-defined]
    return responses.redirect(request, reverse("address"))


def host(request: HttpRequest, pk: int) -> HttpResponse:
    """One host as it stands, alone: the page asks for it while a worker looks."""
    require(request.actor, WORKSPACE.right("view"))  # type: ignore[attr-defined]
    place = _place(request)
    drawn = _drawn(hosts.find(place.public_id, pk), slug=place.slug)
    return responses.fragment(request, "lifecycle/_host.html", host=drawn, may_edit=permissions.may(request.actor, WORKSPACE.right("edit")))  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
def host_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask once, then give the host up."""
    require(request.actor, WORKSPACE.right("edit"))  # type: ignore[attr-defined]
    place = _place(request)
    if request.method == "GET":
        found = hosts.find(place.public_id, pk)
        return responses.page(request, "lifecycle/host_remove.html", host=found, spoken=spoken(found.host), operation=uuid.uuid4())
    entry = hosts.remove_by(request.actor, place.public_id, pk, operation=_operation(request))  # type: ignore[attr-defined]
    telling.tell_here(entry)
    said = _("%(host)s leads here no more.") % {"host": spoken(entry.body["event"]["before"].get("name", ""))}
    return responses.toast(request, responses.redirect(request, reverse("address")), said)


def _operation(request: HttpRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("operation", ""))
    except ValueError:
        return uuid.uuid4()


@require_http_methods(["GET", "POST"])
def leave(request: HttpRequest) -> HttpResponse:
    """Let the workspace go, or see until when it can be taken back."""
    require(request.actor, WORKSPACE.right("view"))  # type: ignore[attr-defined]
    place = _place(request)
    if request.method == "GET":
        return _leaving_page(request)
    form = LeaveForm(request.POST, slug=place.slug)
    if not form.is_valid():
        return _leaving_page(request, form=form, status=422)
    given = form.cleaned_data
    entry = leaving.leave_by(request.actor, place.public_id, days=given["days"], reason=given["reason"], operation=given["operation"])  # type: ignore[attr-defined]
    telling.tell_here(entry)
    return responses.toast(request, responses.redirect(request, reverse("leaving")), _("The workspace leaves. Until its date it can be taken back."))


def _leaving_page(request: HttpRequest, *, form: Any = None, status: int = 200) -> HttpResponse:
    place = _place(request)
    departure = leaving.departure_of(place.public_id)
    context: dict[str, Any] = {
        "departure": departure, "form": form or LeaveForm.fresh(), "slug": place.slug, "is_owner": request.actor.role == OWNER,  # type: ignore[attr-defined]
        "certificate": certificates.address(departure.certificate) if departure else "", "operation": uuid.uuid4(), "backup_days": settings.CRM_BACKUP_DAYS,
    }  # fmt: skip
    return responses.page(request, "lifecycle/leaving.html", status=status, **context)


@require_POST
def come_back(request: HttpRequest) -> HttpResponse:
    """Take the workspace back."""
    entry = leaving.come_back_by(request.actor, _place(request).public_id, operation=_operation(request))  # type: ignore[attr-defined]
    telling.tell_here(entry)
    return responses.toast(request, responses.redirect(request, reverse("leaving")), _("The workspace stays. Everything is as it was."))
