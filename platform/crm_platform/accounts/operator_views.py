"""The ways into the operators' console that are ours: setting up a second factor proves it for the session; the operators' own list."""

from __future__ import annotations

from typing import Any

from allauth.mfa.recovery_codes.views import generate_recovery_codes as their_codes
from allauth.mfa.totp.views import activate_totp as their_totp
from allauth.mfa.utils import is_mfa_enabled
from allauth.mfa.webauthn.views import add_webauthn as their_webauthn
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from crm_platform.kernel.http import throttle
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into

from . import operators
from .operators import Duty, require


class OperatorForm(forms.Form):
    """A new operator."""

    email = forms.EmailField(label=_("E-mail"))
    name = forms.CharField(label=_("Name"), max_length=200)
    role = forms.ChoiceField(label=_("Role"), choices=list(operators.LABELS.items()))
    password = forms.CharField(
        label=_("First password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), help_text=_("At least 10 characters. The second factor is set up at the first log-in.")
    )


class PasswordForm(forms.Form):
    """One's own new password."""

    old = forms.CharField(label=_("Present password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))
    new = forms.CharField(label=_("New password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), help_text=_("At least 10 characters. Every other session of yours ends."))


def me(request: HttpRequest) -> HttpResponse:
    """One's own access: the password, the second factor, the sessions."""
    return _me(request, PasswordForm())


def _me(request: HttpRequest, form: forms.Form, *, status: int = 200) -> HttpResponse:
    who = request.operator  # type: ignore[attr-defined]
    sessions = [{"row": row, "here": row.session_key == request.session.session_key} for row in operators.sessions_of(who)]
    return responses.page(request, "accounts/operator_me.html", status=status, form=form, codes=operators.codes_left(who), sessions=sessions, role=operators.label_of(who))


@require_POST
@sensitive_post_parameters()
def change_password(request: HttpRequest) -> HttpResponse:
    """A new password of one's own."""
    who, form = request.operator, PasswordForm(request.POST)  # type: ignore[attr-defined]
    throttle.limit("operator-password", str(who.pk), most=5, seconds=300)
    if not form.is_valid():
        return _me(request, form, status=422)
    try:
        with errors_into(form):
            person = operators.renew_password(who, session_key=request.session.session_key or "", **form.cleaned_data)
    except Refused as refused:
        return _me(request, form, status=refused.status)
    update_session_auth_hash(request, person)
    UserSession.objects.create_from_request(request)  # its key is another now
    return responses.toast(request, responses.redirect(request, reverse("operator-me")), _now("The password is changed. You are logged out everywhere else."))


@require_POST
def end_sessions(request: HttpRequest) -> HttpResponse:
    """Log out everywhere else."""
    operators.end_other_sessions(request.operator, session_key=request.session.session_key or "")  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("operator-me")), _now("You are logged out everywhere else."))


def renew_codes(request: HttpRequest) -> HttpResponse:
    """allauth's page; what was done is noted."""
    response: HttpResponse = their_codes(request)
    if request.method == "POST" and response.status_code == 302 and response.headers["Location"] == reverse("mfa_view_recovery_codes"):
        operators.note_new_codes(request.operator)  # type: ignore[attr-defined]
    return response


def activate_totp(request: HttpRequest) -> HttpResponse:
    """allauth's page; whoever sets up the first factor has shown that it works."""
    return _proving(request, their_totp)


def add_webauthn(request: HttpRequest) -> HttpResponse:
    """The same with a key."""
    return _proving(request, their_webauthn)


def _proving(request: HttpRequest, view: Any) -> HttpResponse:
    person: Any = request.user
    before = is_mfa_enabled(person)
    response: HttpResponse = view(request)
    if not before and is_mfa_enabled(person):
        operators.note_proof(request)
    return response


def operator_list(request: HttpRequest) -> HttpResponse:
    """Everyone who may come in here, and how far."""
    me = request.operator  # type: ignore[attr-defined]
    form = OperatorForm(request.POST or None, initial={"role": "viewer"})
    status = 200
    if request.method == "POST":
        require(me, Duty.ADMIN)
        status = 422
        if form.is_valid():
            try:
                with errors_into(form):
                    operators.create(me, **form.cleaned_data)
            except Refused as refused:
                status = refused.status
            else:
                return responses.toast(request, responses.redirect(request, reverse("operators")), _now("Saved."))
    rows = [{"person": person, "role": operators.LABELS[person.role.code]} for person in operators.everyone()]
    return responses.page(request, "accounts/operators.html", status=status, rows=rows, form=form, roles=list(operators.LABELS.items()), may_edit=me.duty >= Duty.ADMIN)


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Another role, a second factor forgotten, or somebody let in again."""
    role = request.POST.get("role") or None
    operators.change(request.operator, pk=pk, role=role, forget_second_factor="forget" in request.POST, open_again="open" in request.POST)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("operators")), _now("Saved."))


@require_POST
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """The operator comes in no more."""
    operators.close(request.operator, pk=pk)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("operators")), _now("Saved."))
