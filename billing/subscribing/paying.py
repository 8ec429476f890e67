"""Who pays and who is told: paying companies, addressees, the ceiling that a firm sets itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from billing import rights
from billing.models import BillingAccount, Payer
from crm_platform.db import sides
from crm_platform.kernel import clock, countries
from crm_platform.kernel.errors import Conflict, Invalid, NotFound
from crm_platform.kernel.permissions import Actor
from crm_platform.kernel.workspace import Place

from . import finishing, spending
from .accounts import Held, held, note

MOST_CONTACTS, MOST_PAYERS = 10, 20
_FIELDS = ("name", "country", "address", "tax_id", "details")


class MainPayer(Conflict):
    """The invoices need somebody."""

    code = "main_payer"
    sentence = _("Invoices go to {name}. Make another company the main one first; then this works.")


def set_spending_ceiling(place: Place, minor: int | None, *, actor: Actor) -> None:
    """What a month may cost at most, in minor units, tax included; None for no ceiling. Nothing is bought above it. Opens a control unit."""
    rights.require_to_change(actor)
    if minor is not None and (isinstance(minor, bool) or not isinstance(minor, int) or not 0 < minor < 10**13):
        raise Invalid(fields={"ceiling": [_("Write an amount above nought, or nothing for no ceiling.")]})
    with sides.control_unit():
        had = held(place, lock=True)
        before = had.account.spending_ceiling_minor
        BillingAccount.objects.filter(pk=had.account.pk).update(spending_ceiling_minor=minor)
        note(had.account, "ceiling.set", actor=actor, before={"minor": before}, after={"minor": minor})
        had.account.spending_ceiling_minor = minor
        spending.watch(had.account)


def set_contacts(place: Place, contacts: Sequence[Mapping[str, str]], *, actor: Actor) -> None:
    """Who gets invoices and reminders: {"email", "name", "language"} each; nobody means the owners. Opens a control unit."""
    rights.require_to_change(actor)
    found = _contacts(contacts)
    with sides.control_unit():
        had = held(place, lock=True)
        before = had.account.contacts
        BillingAccount.objects.filter(pk=had.account.pk).update(contacts=found)
        note(had.account, "contacts.set", actor=actor, before={"contacts": before}, after={"contacts": found})
        finishing.ask(had.account)


def _contacts(contacts: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for one in contacts:
        email = one.get("email", "").strip().lower()
        if not email:
            continue
        try:
            validate_email(email)
        except ValidationError:
            raise Invalid(fields={"contacts": [str(_("Not an e-mail address: {emails}")).format(emails=email)]}) from None
        found[email] = {"email": email, "name": one.get("name", "").strip()[:200], "language": one.get("language", "")[:8]}
    if len(found) > MOST_CONTACTS:
        raise Invalid(fields={"contacts": [str(_("Up to {most} addresses.")).format(most=MOST_CONTACTS)]})
    return list(found.values())


def add_payer(place: Place, values: Mapping[str, Any], *, actor: Actor) -> int:
    """A company that pays; the first is the main one. Returns its id. Opens a control unit."""
    rights.require_to_change(actor)
    given = _payer(values)
    with sides.control_unit():
        had = held(place, lock=True)
        rows = Payer.objects.filter(account=had.account, archived_at=None)
        if rows.count() >= MOST_PAYERS:
            raise Invalid(fields={"name": [str(_("Up to {most} companies.")).format(most=MOST_PAYERS)]})
        row = Payer.objects.create(account=had.account, main=not rows.filter(main=True).exists(), **given)
        note(had.account, "payer.added", actor=actor, after={"payer": row.pk, **given})
        finishing.ask(had.account)
        return row.pk


def change_payer(place: Place, pk: int, values: Mapping[str, Any], *, actor: Actor) -> None:
    """Other words for a company; what was issued before keeps the old ones. Raises NotFound. Opens a control unit."""
    rights.require_to_change(actor)
    given = _payer(values)
    with sides.control_unit():
        had, row = _own(place, pk)
        before = {name: getattr(row, name) for name in _FIELDS}
        if row.tax_id == given["tax_id"]:
            given["tax_state"] = row.tax_state
        for name, value in given.items():
            setattr(row, name, value)
        row.save(update_fields=list(given))
        note(had.account, "payer.changed", actor=actor, before=before, after=given)
        finishing.ask(had.account)


def make_main(place: Place, pk: int, *, actor: Actor) -> None:
    """Invoices go to this company from now on. Raises NotFound. Opens a control unit."""
    rights.require_to_change(actor)
    with sides.control_unit():
        had, row = _own(place, pk)
        Payer.objects.filter(account=had.account, main=True).update(main=False)
        Payer.objects.filter(pk=row.pk).update(main=True)
        note(had.account, "payer.main", actor=actor, after={"payer": pk, "name": row.name})
        finishing.ask(had.account)


def archive_payer(place: Place, pk: int, *, actor: Actor) -> None:
    """A company that pays no longer; its invoices stay. Raises NotFound, MainPayer. Opens a control unit."""
    rights.require_to_change(actor)
    with sides.control_unit():
        had, row = _own(place, pk)
        if row.main and Payer.objects.filter(account=had.account, archived_at=None).count() > 1:
            raise MainPayer(name=row.name)
        Payer.objects.filter(pk=pk).update(archived_at=clock.now(), main=False)
        note(had.account, "payer.archived", actor=actor, before={"payer": pk, "name": row.name})
        finishing.ask(had.account)


def payers(place: Place) -> list[Payer]:
    """The companies that pay, the main one first. Opens a control unit."""
    with sides.control_unit():
        return list(Payer.objects.filter(account=held(place).account, archived_at=None).order_by("-main", "name", "pk"))


def _own(place: Place, pk: int) -> tuple[Held, Payer]:
    """Another account's company is not there."""
    had = held(place, lock=True)
    row = Payer.objects.filter(pk=pk, account=had.account, archived_at=None).first()
    if row is None:
        raise NotFound
    return had, row


def _payer(values: Mapping[str, Any]) -> dict[str, Any]:
    name, country = str(values.get("name", "")).strip(), str(values.get("country", "")).strip().upper()
    tax_id = re.sub(r"[\s.-]", "", str(values.get("tax_id", ""))).upper()[:40]
    wrong: dict[str, list[Any]] = {}
    if not name or len(name) > 250:
        wrong["name"] = [_("Write the company's name, up to 250 letters.")]
    if country not in countries.CODES:
        wrong["country"] = [_("Choose a country.")]
    if wrong:
        raise Invalid(fields=wrong)
    details = {str(key)[:40]: str(value)[:500] for key, value in dict(values.get("details") or {}).items()}
    return {"name": name, "country": country, "address": str(values.get("address", "")).strip()[:1000], "tax_id": tax_id, "tax_state": "pending" if tax_id else "", "details": details}
