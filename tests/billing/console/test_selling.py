"""Versions of plans: made from the one before, never edited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from billing import pricing, services
from billing.console import selling
from billing.metering import answering
from billing.models import PlanVersion, Subscription
from billing.pricing import Interval
from crm_platform.accounts.operators import NotYourDuty
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel.errors import Invalid, NotFound
from tenants.inside import services as inside

from .desk import ADMIN, LOOKER, TELLER

Desk = Callable[..., Client]


def newest(code: str = "team") -> PlanVersion:
    """The version to begin from."""
    return selling.versions(code)[0]


@pytest.mark.parametrize("code", ["free", "start", "team", "business", "everyone", "crew"])
def test_what_the_form_begins_with_reads_as_the_same_version(control_side: None, code: str) -> None:
    old = newest(code)
    given = selling.read(old, selling.typed_from(old))
    assert selling.differences(old, PlanVersion(code=code, version=2, **given)) == []
    assert pricing.read(given["terms"]).rates == pricing.read(old.terms).rates
    assert given["limits"] == old.limits
    with pytest.raises(selling.NothingChanged):
        selling.make(ADMIN, code, after=old.version, **given)


def test_a_new_version_is_sold_and_the_old_one_stays(control_side: None) -> None:
    old = newest()
    before = (dict(old.limits), dict(old.terms), list(old.features))
    typed = selling.typed_from(old) | {"limit_contacts": "120 000", "limit_forms": "", "steps_EUR_month": "9: 21,50, *: 20".replace("21,50", "21.50"), "feature_mailings": ""}
    given = selling.read(old, typed)
    new = selling.make(ADMIN, "team", after=1, **given)
    assert (new.version, new.limits["contacts"], new.limits["forms"], new.created_by) == (2, 120_000, None, ADMIN.signature)
    rate = pricing.read(new.terms).rate("EUR", Interval.MONTH)
    assert (rate.amount(9), rate.amount(10)) == (9 * 2_150, 10 * 2_000)
    again = PlanVersion.objects.get(pk=old.pk)
    assert (again.limits, again.terms, again.features) == before
    assert services.find("team").pk == new.pk
    assert {one.label for one in selling.differences(old, new)} >= {"Contacts and companies", "Web forms", "Mass mailings", "EUR, a month: a seat"}
    assert Event.objects.get(name="plan_version.made", record_id=new.pk).after == {"code": "team", "version": 2}
    with pytest.raises(selling.NewerVersion):
        selling.make(ADMIN, "team", after=1, **given)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"limit_contacts": "many"}, "limit_contacts"), ({"limit_contacts": "-1"}, "limit_contacts"), ({"base_EUR_month": "-1"}, "base_EUR_month"),
        ({"base_EUR_month": "1.005"}, "base_EUR_month"), ({"base_EUR_month": "NaN"}, "base_EUR_month"), ({"steps_EUR_month": "24"}, "steps_EUR_month"),
        ({"steps_EUR_month": "x: 5"}, "steps_EUR_month"), ({"included_EUR_year": "two"}, "included_EUR_year"), ({"day_EUR": "1e999"}, "day_EUR"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(control_side: None, typed: dict[str, str], field: str) -> None:
    old = newest()
    with pytest.raises(Invalid) as refused:
        selling.read(old, selling.typed_from(old) | typed)
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize("steps", ["24: 19", "*: 19, 24: 18", "24: 19, 24: 18, *: 17", "50: 19, 24: 18, *: 17"])
def test_terms_that_nobody_could_be_charged_by_are_not_made(control_side: None, steps: str) -> None:
    old = newest()
    given = selling.read(old, selling.typed_from(old) | {"steps_EUR_month": steps})
    with pytest.raises(pricing.terms.BadTerms):
        selling.make(ADMIN, "team", after=1, **given)
    assert newest().pk == old.pk


@pytest.mark.parametrize("who", [LOOKER, TELLER])
def test_only_who_may_do_everything_sells(control_side: None, who: Any) -> None:
    old = newest()
    with pytest.raises(NotYourDuty):
        selling.make(who, "team", after=1, limits=old.limits, features=[], terms=old.terms)
    with pytest.raises(NotYourDuty):
        selling.set_on_sale(who, pk=old.pk, on_sale=False)
    assert newest().pk == old.pk


def test_a_version_is_taken_off_sale_and_put_back(control_side: None) -> None:
    crew = newest("crew")
    selling.set_on_sale(ADMIN, pk=crew.pk, on_sale=False)
    assert "crew" not in {row.code for row in services.on_sale(special=True)}
    selling.set_on_sale(ADMIN, pk=crew.pk, on_sale=True)
    assert services.find("crew").pk == crew.pk
    with pytest.raises(Invalid):
        selling.set_on_sale(ADMIN, pk=newest("free").pk, on_sale=False)
    with pytest.raises(NotFound):
        selling.set_on_sale(ADMIN, pk=0, on_sale=False)
    with pytest.raises(NotFound):
        selling.versions("platinum")


def test_the_pages_of_a_plan(desk: Desk) -> None:
    admin, teller = desk("admin"), desk("money")
    with sides.control_unit():
        old = newest("crew")
        typed = {**selling.typed_from(old), "limit_forms": "60", "after": str(old.version)}
    page = admin.get("/plans/crew/new").content.decode()
    assert 'name="steps_EUR_month"' in page
    shown = admin.post("/plans/crew/new", typed)
    assert "Make it and put it on sale" in shown.content.decode()
    assert admin.post("/plans/crew/new", {**typed, "limit_forms": "lots"}).status_code == 422
    assert teller.post("/plans/crew/new", {**typed, "confirm": "1"}).status_code == 403
    with sides.control_unit():
        assert newest("crew").pk == old.pk
    assert admin.post("/plans/crew/new", {**typed, "confirm": "1"}).status_code == 303
    assert admin.post("/plans/crew/new", {**typed, "limit_forms": "70", "confirm": "1"}).status_code == 409
    page = teller.get("/plans/crew").content.decode()
    assert "Version 2" in page
    assert "Put on sale" not in page
    assert (page.count("On sale"), page.count("A newer one is sold")) == (1, 1)
    with sides.control_unit():
        new = newest("crew")
    assert "Put on sale" not in admin.get("/plans/crew").content.decode()
    assert admin.post(f"/plans/sale/{new.pk}", {}).status_code == 303
    assert "Put on sale" in admin.get("/plans/crew").content.decode()
    with sides.control_unit():
        PlanVersion.objects.filter(pk=new.pk).delete()


def test_who_signs_up_afterwards_has_the_new_version_on_both_sides(make_door: Any) -> None:
    with sides.control_unit():
        old = PlanVersion.objects.get(code="business", version=1)
        new = PlanVersion.objects.create(code="business", version=2, order=old.order, limits={**old.limits, "contacts": 777_000}, features=old.features, terms=old.terms)
    try:
        door = make_door()
        with sides.control_unit():
            assert Subscription.objects.select_related("plan").get(workspace=door.workspace).plan.version == 2
        with door.unit():
            assert (inside.state().plan_version, answering.limits()["contacts"]) == (2, 777_000)
    finally:
        with sides.control_unit():
            Subscription.objects.filter(plan=new).update(plan=old)
            new.delete()
