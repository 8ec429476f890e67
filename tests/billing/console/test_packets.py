"""Versions of what is bought beside a plan: made from the one before, never edited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from billing import pricing, services
from billing.console import packets
from billing.models import AddOnVersion
from billing.pricing import Interval
from crm_platform.accounts.operators import NotYourDuty
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel.errors import Invalid, NotFound

from .desk import ADMIN, LOOKER, TELLER

Desk = Callable[..., Client]


@pytest.mark.parametrize("code", ["contacts_10k", "storage_50", "runs_50k", "mailings"])
def test_what_the_form_begins_with_reads_as_the_same_version(control_side: None, code: str) -> None:
    old = packets.versions(code)[0]
    given = packets.read(old, packets.typed_from(old))
    assert (given["gives"], packets.differences(old, AddOnVersion(code=code, version=2, **given))) == (old.gives, [])
    assert pricing.read(given["terms"]).rates == pricing.read(old.terms).rates
    with pytest.raises(packets.NothingChanged):
        packets.make(ADMIN, code, after=old.version, **given)


def test_a_new_version_is_sold_and_the_old_one_stays(control_side: None) -> None:
    old = packets.versions("contacts_10k")[0]
    before = (dict(old.gives), dict(old.terms))
    given = packets.read(old, packets.typed_from(old) | {"gives_contacts": "12 000", "steps_EUR_month": "9: 9.50, *: 8"})
    new = packets.make(ADMIN, "contacts_10k", after=1, **given)
    assert (new.version, new.gives, new.created_by) == (2, {"contacts": 12_000}, ADMIN.signature)
    rate = pricing.read(new.terms).rate("EUR", Interval.MONTH)
    assert (rate.amount(9), rate.amount(10)) == (9 * 950, 10 * 800)
    again = AddOnVersion.objects.get(pk=old.pk)
    assert (again.gives, again.terms) == before
    assert [one.pk for one in services.add_ons() if one.code == "contacts_10k"] == [new.pk]
    assert {str(one.label) for one in packets.differences(old, new)} == {"Contacts and companies", "EUR, a month: each"}
    assert Event.objects.get(name="add_on_version.made", record_id=new.pk).after == {"add_on": "contacts_10k", "version": 2}
    with pytest.raises(packets.NewerVersion):
        packets.make(ADMIN, "contacts_10k", after=1, **given)


@pytest.mark.parametrize(("typed", "field"), [({"gives_contacts": "0"}, "gives_contacts"), ({"gives_contacts": ""}, "gives_contacts"), ({"gives_contacts": "x"}, "gives_contacts"), ({"steps_EUR_month": "9"}, "steps_EUR_month")])
def test_what_cannot_be_read_is_named(control_side: None, typed: dict[str, str], field: str) -> None:
    old = packets.versions("contacts_10k")[0]
    with pytest.raises(Invalid) as refused:
        packets.read(old, packets.typed_from(old) | typed)
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize("gives", [{"contacts": 0}, {"contacts": True}, {"storage": 5}, {}])
def test_a_version_gives_what_the_one_before_gave(control_side: None, gives: dict[str, Any]) -> None:
    old = packets.versions("contacts_10k")[0]
    with pytest.raises(Invalid):
        packets.make(ADMIN, "contacts_10k", after=1, gives=gives, terms=old.terms)
    assert packets.versions("contacts_10k")[0].pk == old.pk


@pytest.mark.parametrize("who", [LOOKER, TELLER])
def test_only_who_may_do_everything_sells(control_side: None, who: Any) -> None:
    old = packets.versions("mailings")[0]
    with pytest.raises(NotYourDuty):
        packets.make(who, "mailings", after=1, gives=old.gives, terms=old.terms)
    with pytest.raises(NotYourDuty):
        packets.set_on_sale(who, pk=old.pk, on_sale=False)
    assert packets.versions("mailings")[0].on_sale


def test_one_is_taken_off_sale_and_put_back(control_side: None) -> None:
    one = packets.versions("mailings")[0]
    packets.set_on_sale(ADMIN, pk=one.pk, on_sale=False)
    assert "mailings" not in {row.code for row in services.add_ons()}
    packets.set_on_sale(ADMIN, pk=one.pk, on_sale=True)
    assert "mailings" in {row.code for row in services.add_ons()}
    for lost in (lambda: packets.set_on_sale(ADMIN, pk=0, on_sale=False), lambda: packets.versions("gold")):
        with pytest.raises(NotFound):
            lost()


def test_the_pages_of_an_add_on(desk: Desk) -> None:
    admin, teller = desk("admin"), desk("money")
    with sides.control_unit():
        old = packets.versions("storage_50")[0]
        typed = {**packets.typed_from(old), "base_EUR_month": "8", "steps_EUR_month": "*: 8", "after": str(old.version)}
    assert "50 GB more" in teller.get("/plans").content.decode()
    assert 'name="gives_storage"' in admin.get("/add-ons/storage_50/new").content.decode()
    assert "Make it and put it on sale" in admin.post("/add-ons/storage_50/new", typed).content.decode()
    assert admin.post("/add-ons/storage_50/new", {**typed, "gives_storage": "lots"}).status_code == 422
    assert admin.post("/add-ons/storage_50/new", {**typed, "steps_EUR_month": "9: 8"}).status_code == 422
    assert teller.post("/add-ons/storage_50/new", {**typed, "confirm": "1"}).status_code == 403
    with sides.control_unit():
        assert packets.versions("storage_50")[0].pk == old.pk
    assert admin.post("/add-ons/storage_50/new", {**typed, "confirm": "1"}).status_code == 303
    assert admin.post("/add-ons/storage_50/new", {**typed, "steps_EUR_month": "*: 9", "confirm": "1"}).status_code == 409
    page = teller.get("/add-ons/storage_50").content.decode()
    assert "Version 2" in page
    assert "Take off sale" not in page
    with sides.control_unit():
        new = packets.versions("storage_50")[0]
    assert teller.post(f"/add-ons/sale/{new.pk}", {}).status_code == 403
    assert admin.post(f"/add-ons/sale/{new.pk}", {}).status_code == 303
    assert admin.get("/add-ons/gold").status_code == 404
    with sides.control_unit():
        AddOnVersion.objects.filter(pk=new.pk).delete()
