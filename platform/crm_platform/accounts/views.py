"""Pages of people: profile, list, invitation, roles, tokens; and the ways in that are ours."""

from __future__ import annotations

from typing import Any, cast

from allauth.usersessions.models import UserSession
from django.conf import settings as django_settings
from django.contrib.auth import login
from django.core.cache import cache
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm_platform.db.prepared import Prepared
from crm_platform.kernel import gates, permissions
from crm_platform.kernel.permissions import Action, Scope, require
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into

from . import forms, handover, roles, services, tokens
from .middleware import open_to_all
from .models import Access, ApiToken, Group, Role, User

BACKEND = "crm_platform.accounts.backend.PersonBackend"


@open_to_all
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Choose one of the five languages: kept with the person, or in a cookie for who is not known yet."""
    code = request.POST.get("language", "")
    response = responses.redirect(request, responses.local_path(request.POST.get("next", "/"), default="/"))
    if code in dict(django_settings.LANGUAGES):
        response.set_cookie(
            django_settings.LANGUAGE_COOKIE_NAME, code, max_age=365 * 86400, httponly=True, secure=django_settings.SECURE, samesite="Lax"
        )
        if request.actor is not None:  # type: ignore[attr-defined]
            services.change_profile(request.actor, pk=_me(request), language=code)  # type: ignore[attr-defined]
    return response


@open_to_all
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """The way over from the public site: works once, for 60 s."""
    facts = tokens.read(token, purpose="entry", age=tokens.ENTRY_AGE)
    if not cache.add(f"entered.{facts['n']}", 1, int(tokens.ENTRY_AGE.total_seconds()) + 5):
        raise tokens.LinkTooOld
    person = User.objects.filter(pk=facts["u"], access=Access.ACTIVE).first()
    if person is None:
        raise tokens.LinkTooOld
    _let_in(request, person)
    return responses.redirect(request, responses.local_path(facts["to"], default="/"))


@open_to_all
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """An invited person chooses name and password."""
    person = services.invited_by(token)
    form = forms.JoinForm(request.POST or None, initial={"name": "" if person.name == str(person.email).split("@")[0] else person.name})
    if request.method == "POST" and form.is_valid():
        try:
            with errors_into(form):
                joined = services.accept(token, **form.cleaned_data)
        except Refused as refused:
            return responses.page(request, "accounts/join.html", status=refused.status, form=form, person=person)
        _let_in(request, joined)
        return responses.redirect(request, "/")
    return responses.page(request, "accounts/join.html", form=form, person=person)


def _let_in(request: HttpRequest, person: User) -> None:
    """Log in by a link of ours; the session stands in the person's list, as one begun with the password does."""
    login(request, person, backend=BACKEND)
    UserSession.objects.create_from_request(request)


@open_to_all
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the confirming letter."""
    person = services.confirm_email(token)
    return responses.page(request, "accounts/confirmed.html", person=person)


@require_POST
def send_confirmation(request: HttpRequest) -> HttpResponse:
    """Send the confirming letter again, at most once a minute."""
    person = services.get_person(_me(request))
    if cache.add(f"confirmation.{person.pk}", 1, 60):
        services.send_confirmation(person)
    return responses.toast(request, responses.redirect(request, "/"), _("The letter is on its way to %(email)s.") % {"email": person.email})


def _me(request: HttpRequest) -> int:
    user_id: int = request.actor.user_id  # type: ignore[attr-defined]
    return user_id


def profile(request: HttpRequest) -> HttpResponse:
    """The person's own page."""
    person = services.get_person(_me(request))
    initial = {name: getattr(person, name) for name in ("name", "position", "phone", "language", "theme")}
    form = forms.ProfileForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            with errors_into(form):
                services.change_profile(request.actor, pk=person.pk, **form.cleaned_data)  # type: ignore[attr-defined]
        except Refused as refused:
            return responses.page(request, "accounts/profile.html", status=refused.status, form=form, person=person)
        return responses.toast(request, responses.redirect(request, reverse("profile")), _("Saved."))
    status = 422 if request.method == "POST" else 200
    return responses.page(request, "accounts/profile.html", status=status, form=form, person=person)


def settings(request: HttpRequest) -> HttpResponse:
    """The settings begin with the first page the person may open."""
    return responses.redirect(request, reverse("profile"))


def people(request: HttpRequest) -> HttpResponse:
    """Everyone of the firm."""
    require(request.actor, roles.PEOPLE.right(Action.VIEW))  # type: ignore[attr-defined]
    off_the_list = Q(access=Access.NONE, deactivated_at__isnull=False)
    listed = list(User.objects.select_related("role", "group").exclude(off_the_list).order_by("sort_key", "id"))
    for person in listed:
        person.role_label = roles.label_of(person.role)  # type: ignore[attr-defined]
    shown = request.GET.get("access", "")
    rows = [person for person in listed if not shown or person.access == shown]
    counts = [(access, label, sum(1 for person in listed if person.access == access)) for access, label in Access.choices]
    context: dict[str, Any] = {
        "people": rows, "counts": counts, "shown": shown, "total": len(listed), "seats": gates.usage("users"), "group_form": forms.GroupForm(),
        "groups": Group.objects.all(), "may_edit": permissions.may(request.actor, roles.PEOPLE.right(Action.EDIT)),  # type: ignore[attr-defined]
    }  # fmt: skip
    return responses.page(request, "accounts/people.html", **context)


def invite(request: HttpRequest) -> HttpResponse:
    """Invite up to ten at once."""
    require(request.actor, roles.PEOPLE.right(Action.EDIT))  # type: ignore[attr-defined]
    seller = Role.objects.filter(code=roles.SELLER).values_list("pk", flat=True).first()
    form = forms.InviteForm(request.POST or None, initial={"role": seller}, actor=request.actor)  # type: ignore[attr-defined]
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with errors_into(form):
                invited = services.invite(
                    request.actor, emails=form.addresses(), role_id=given["role"], group_id=given["group"], language=request.LANGUAGE_CODE or "en"  # type: ignore[attr-defined]
                )
        except Refused as refused:
            return responses.page(request, "accounts/invite.html", status=refused.status, form=form, seats=gates.usage("users"))
        said = _("Invited: %(emails)s") % {"emails": ", ".join(str(person.email) for person in invited)}
        return responses.toast(request, responses.redirect(request, reverse("people")), said)
    status = 422 if request.method == "POST" else 200
    return responses.page(request, "accounts/invite.html", status=status, form=form, seats=gates.usage("users"))


def person(request: HttpRequest, pk: int) -> HttpResponse:
    """One person: role and group, access, handing over."""
    require(request.actor, roles.PEOPLE.right(Action.EDIT))  # type: ignore[attr-defined]
    found = services.get_person(pk)
    form = forms.PersonForm(request.POST or None, initial={"role": found.role_id, "group": found.group_id}, actor=request.actor)  # type: ignore[attr-defined]
    if request.method == "POST" and form.is_valid():
        try:
            with errors_into(form):
                services.change_place(request.actor, pk=pk, role_id=form.cleaned_data["role"], group_id=form.cleaned_data["group"])  # type: ignore[attr-defined]
        except Refused as refused:
            return _person_page(request, found, form=form, status=refused.status)
        return responses.toast(request, responses.redirect(request, reverse("people")), _("Saved."))
    return _person_page(request, found, form=form, status=422 if request.method == "POST" else 200)


def _person_page(request: HttpRequest, found: User, *, form: Any, status: int = 200, **others: Any) -> HttpResponse:
    context: dict[str, Any] = {
        "person": found, "form": form, "role_label": roles.label_of(found.role), "work": handover.open_work(found.pk), "may_close": services.may_touch(request.actor, found),  # type: ignore[attr-defined]
        "leave_form": forms.DeactivateForm(leaving=found),
        "access_form": forms.GiveAccessForm(initial={"email": found.email, "role": found.role_id}, auto_id="access_%s", actor=request.actor),  # type: ignore[attr-defined]
    } | others  # fmt: skip
    return responses.page(request, "accounts/person.html", status=status, **context)


@require_POST
def give_access(request: HttpRequest, pk: int) -> HttpResponse:
    """Invite someone who stands in the list, or was deactivated."""
    require(request.actor, roles.PEOPLE.right(Action.EDIT))  # type: ignore[attr-defined]
    found = services.get_person(pk)
    form = forms.GiveAccessForm(request.POST, initial={"role": found.role_id}, auto_id="access_%s", actor=request.actor)  # type: ignore[attr-defined]
    place_form = forms.PersonForm(initial={"role": found.role_id, "group": found.group_id}, actor=request.actor)  # type: ignore[attr-defined]
    if not form.is_valid():
        return _person_page(request, found, form=place_form, access_form=form, status=422)
    try:
        with errors_into(form):
            services.invite_listed(request.actor, pk=pk, email=form.cleaned_data["email"], role_id=form.cleaned_data["role"])  # type: ignore[attr-defined]
    except Refused as refused:
        return _person_page(request, found, form=place_form, access_form=form, status=refused.status)
    return responses.toast(request, responses.redirect(request, reverse("people")), _("The invitation is on its way."))


@require_POST
def invite_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the invitation once more."""
    services.invite_again(request.actor, pk=pk)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("people")), _("The invitation is on its way."))


@require_POST
def deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a person's access and hand over."""
    require(request.actor, roles.PEOPLE.right(Action.EDIT))  # type: ignore[attr-defined]
    found = services.get_person(pk)
    form = forms.DeactivateForm(request.POST, leaving=found)
    place_form = forms.PersonForm(initial={"role": found.role_id, "group": found.group_id}, actor=request.actor)  # type: ignore[attr-defined]
    if not form.is_valid():
        return _person_page(request, found, form=place_form, leave_form=form, status=422)
    try:
        with errors_into(form):
            moved = services.deactivate(request.actor, pk=pk, to_id=form.cleaned_data["to"])  # type: ignore[attr-defined]
    except Refused as refused:
        return _person_page(request, found, form=place_form, leave_form=form, status=refused.status)
    said = _("%(name)s is out. Handed over: %(count)d.") % {"name": found.name, "count": moved}
    return responses.toast(request, responses.redirect(request, reverse("people")), said)


@require_POST
def add_group(request: HttpRequest) -> HttpResponse:
    """A new group."""
    services.add_group(request.actor, name=request.POST.get("name", ""))  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("people")), _("Saved."))


def role_list(request: HttpRequest) -> HttpResponse:
    """The matrix of every role."""
    require(request.actor, roles.PEOPLE.right(Action.VIEW))  # type: ignore[attr-defined]
    entities = permissions.entities()
    drawn = []
    for role in Role.objects.all():
        rights = {} if role.everything else roles.rights_of(role)
        rows = [(entity, [(action, action in entity.actions, Scope.ALL if role.everything else rights.get(f"{entity.code}.{action}", 0)) for action in Action]) for entity in entities]
        drawn.append({"role": role, "label": roles.label_of(role), "rows": rows})
    may_edit = permissions.may(request.actor, roles.PEOPLE.right(Action.EDIT))  # type: ignore[attr-defined]
    return responses.page(request, "accounts/roles.html", roles=drawn, actions=_action_labels(), may_edit=may_edit)


def _action_labels() -> list[str]:
    return [_("Viewing"), _("Creating"), _("Editing"), _("Deleting"), _("Exporting")]


@require_POST
def change_rights(request: HttpRequest, pk: int) -> HttpResponse:
    """Decide a role's matrix."""
    rights = {}
    for entity in permissions.entities():
        for action in entity.actions:
            value = request.POST.get(f"{entity.code}.{action}", "")
            if value in ("0", "1", "2", "3"):
                rights[f"{entity.code}.{action}"] = int(value)
    services.change_rights(request.actor, role_id=pk, rights=rights)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("roles")), _("Saved."))


_TOKENS = Prepared(ApiToken, lambda person: ApiToken.objects.filter(person=person, revoked_at=None, integration=None))


def token_list(request: HttpRequest) -> HttpResponse:
    """The person's own tokens; a new one is shown once."""
    me = cast("User", request.user)
    form = forms.TokenForm(request.POST or None)
    fresh = ""
    if request.method == "POST" and form.is_valid():
        fresh = services.make_token(request.actor, name=form.cleaned_data["name"], days=form.cleaned_data["days"] or 365, host=request.get_host())  # type: ignore[attr-defined]
        form = forms.TokenForm()
    mine = _TOKENS.rows(person=me.pk)
    response = responses.page(request, "accounts/tokens.html", form=form, tokens=mine, fresh=fresh)
    if fresh:
        response.headers["Cache-Control"] = "no-store"
    return response


@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """End a token."""
    services.revoke_token(request.actor, pk=pk)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("tokens")), _("The token no longer works."))
