"""The ways into the operators' console that are ours: setting up a second factor proves it for the session; the operators' own list."""

from __future__ import annotations

from typing import Any

from allauth.mfa.totp.views import activate_totp as their_totp
from allauth.mfa.utils import is_mfa_enabled
from allauth.mfa.webauthn.views import add_webauthn as their_webauthn
from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

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
    """Another role, or a second factor forgotten."""
    role = request.POST.get("role") or None
    operators.change(request.operator, pk=pk, role=role, forget_second_factor="forget" in request.POST)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("operators")), _now("Saved."))


@require_POST
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """The operator comes in no more."""
    operators.close(request.operator, pk=pk)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("operators")), _now("Saved."))
