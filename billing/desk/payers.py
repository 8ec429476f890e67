"""Who pays, who is told, and the rules that a firm sets itself: companies, addressees, a ceiling, codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms as django_forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.models import Payer
from billing.subscribing import paying, redeeming, referring
from crm_platform.kernel import money, preferences
from crm_platform.kernel.errors import Invalid, NotFound
from crm_platform.ui import responses

from . import reading
from .asked import attempt, done, may_change, operation, payer, reader, say
from .forms import CeilingForm, CodeForm, ContactsForm, PayerForm


@require_safe
def payers(request: HttpRequest) -> HttpResponse:
    """The companies that pay, the main one first."""
    place, _actor = reader(request)
    return responses.page(request, "desk/payers.html", payers=paying.payers(place), may_edit=may_change(request))


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """A further company."""
    place, actor = payer(request)
    form = PayerForm(request.POST or None, initial={"country": preferences.here().country})
    if request.method == "POST" and form.is_valid():
        added, error = attempt(request, lambda: paying.add_payer(place, form.cleaned_data, actor=actor))
        if added is not None:
            return done(request, _("Added."), to="plan-payers")
        _into(form, error)
    return responses.page(request, "desk/payer.html", status=422 if form.errors else 200, form=form, row=None)


@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Other words for a company; what was issued keeps the old ones."""
    place, actor = payer(request)
    row = _own(paying.payers(place), pk)
    form = PayerForm(request.POST or None, initial={name: getattr(row, name) for name in ("name", "country", "tax_id", "address")})
    if request.method == "POST" and form.is_valid():
        given = {**form.cleaned_data, "details": row.details}
        _nothing, error = attempt(request, lambda: paying.change_payer(place, pk, given, actor=actor))
        if error is None:
            return done(request, _("Saved. What was issued before keeps the old words."), to="plan-payers")
        _into(form, error)
    return responses.page(request, "desk/payer.html", status=422 if form.errors else 200, form=form, row=row)


def _own(rows: list[Payer], pk: int) -> Payer:
    found = next((row for row in rows if row.pk == pk), None)
    if found is None:
        raise NotFound
    return found


@require_POST
def make_main(request: HttpRequest, pk: int) -> HttpResponse:
    """Invoices go to this company."""
    place, actor = payer(request)
    _nothing, error = attempt(request, lambda: paying.make_main(place, pk, actor=actor))
    return done(request, say(error) or _("Invoices go to this company from now on."), to="plan-payers")


@require_POST
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """A company that pays no longer."""
    place, actor = payer(request)
    _nothing, error = attempt(request, lambda: paying.archive_payer(place, pk, actor=actor))
    return done(request, say(error) or _("Taken off. Its invoices stay."), to="plan-payers")


@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    """Addressees, ceiling, codes."""
    payer(request)
    return _rules(request)


def _rules(request: HttpRequest, *, status: int = 200, **forms: django_forms.Form) -> HttpResponse:
    place, _actor = reader(request)
    seen = reading.overview(place, bills=False)
    account = seen.had.account
    minor = account.spending_ceiling_minor
    ceiling = "" if minor is None else money.typed(minor, currency=seen.currency)
    context: dict[str, Any] = {
        "seen": seen, "currency": seen.currency, "referral": account.referral_code, "brought": account.referred_by_id is not None, "discount": seen.had.discount(),
        "contacts_form": ContactsForm(initial={"contacts": "\n".join(one["email"] for one in account.contacts)}), "ceiling_form": CeilingForm(initial={"ceiling": ceiling}),
        "code_form": CodeForm(prefix="promo"), "referral_form": CodeForm(prefix="referral"), **forms,
    }  # fmt: skip
    return responses.page(request, "desk/rules.html", status=status, **context)


def _set(request: HttpRequest, name: str, form: django_forms.Form, do: Callable[[], Any], *, said: str) -> HttpResponse:
    """One small form of the page: done, or shown again with what was typed."""
    if form.is_valid():
        _result, error = attempt(request, do)
        if error is None:
            return done(request, said, to="plan-rules")
        _into(form, error)
    return _rules(request, status=422, **{name: form})


@require_POST
def contacts(request: HttpRequest) -> HttpResponse:
    """Who gets invoices and reminders."""
    place, actor = payer(request)
    form = ContactsForm(request.POST)
    return _set(request, "contacts_form", form, lambda: paying.set_contacts(place, form.rows(), actor=actor), said=_("Saved."))


@require_POST
def ceiling(request: HttpRequest) -> HttpResponse:
    """What a month may cost at most."""
    place, actor = payer(request)
    form = CeilingForm(request.POST)
    currency = reading.overview(place, bills=False).currency

    def set_it() -> None:
        amount = form.cleaned_data["ceiling"]
        paying.set_spending_ceiling(place, None if amount is None else money.minor(amount, currency=currency), actor=actor)

    return _set(request, "ceiling_form", form, set_it, said=_("Saved."))


@require_POST
def redeem(request: HttpRequest) -> HttpResponse:
    """A promo code."""
    place, actor = payer(request)
    form, key = CodeForm(request.POST, prefix="promo"), operation(request)
    return _set(request, "code_form", form, lambda: redeeming.redeem(place, form.cleaned_data["code"], actor=actor, operation=key), said=_("The code is taken: it counts from the next charge."))


@require_POST
def refer(request: HttpRequest) -> HttpResponse:
    """Who brought this firm."""
    place, actor = payer(request)
    form = CodeForm(request.POST, prefix="referral")
    return _set(request, "referral_form", form, lambda: referring.refer(place, form.cleaned_data["code"], actor=actor), said=_("Noted. Once you have bought, both firms get a month of a seat."))


def _into(form: django_forms.Form, error: Any) -> None:
    """A refusal beside its field."""
    fields = error.fields if isinstance(error, Invalid) else {}
    for name, sentences in fields.items():
        form.add_error(name if name in form.fields else None, [str(sentence) for sentence in sentences])
    if not fields:
        form.add_error("code" if "code" in form.fields else None, error.message)
