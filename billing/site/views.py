"""Pages of the public site. They ask the database for the plans alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from billing import catalogue, plans, pricing, services, wording
from billing.models import AddOnVersion, PlanVersion
from billing.pricing import Interval
from crm_platform.kernel import money
from crm_platform.ui import responses

from . import calculator

_FOR_WHOM = {
    "free": _("For a firm that starts, or stays small."),
    "start": _("For a team that sells every day."),
    "team": _("For several departments with rules of their own."),
    "business": _("For those who must answer to auditors."),
}


def home(request: HttpRequest) -> HttpResponse:
    """What it is, and the way in."""
    return responses.page(request, "site/home.html", free=services.find("free").limits)


def prices(request: HttpRequest) -> HttpResponse:
    """The price page, drawn from the plans' data; counted for people, period, currency, plan and packets."""
    sold, packets = services.on_sale(special=True), services.add_ons()
    choice = calculator.read(request.GET, add_ons=packets)
    drawn = [_plan(version, choice) for version in sold if version.code not in plans.SPECIAL]
    fitting = next((plan for plan in drawn if plan["fits"]), None)
    for plan in drawn:
        plan["chosen"] = plan is fitting and plan["code"] != plans.FREE
    context: dict[str, Any] = {
        "plans": drawn, "choice": choice, "seats": choice.seats, "yearly": choice.yearly, "currency": choice.currency, "currencies": calculator.CURRENCIES,
        "sold": [(version.code, wording.name_of(version.code)) for version in sold], "bill": _bill(choice, sold, packets),
        "packets": [{"code": one.code, "name": wording.name_of(one.code), "count": choice.add_ons.get(one.code, 0), "module": calculator.is_module(one)} for one in packets],
    }  # fmt: skip
    template = "site/_counted.html" if responses.wants_fragment(request) else "site/prices.html"
    return responses.page(request, template, **context)


def _bill(choice: calculator.Choice, sold: Sequence[PlanVersion], packets: Sequence[AddOnVersion]) -> dict[str, Any]:
    """What the first bill says: its lines and its sum; what is in the plan already; how much a year at once saves. Of a plan that does not hold everybody there is none: which one does is said."""
    version = calculator.chosen(choice, sold)
    if not calculator.holds(version, choice):
        return {"plan": wording.name_of(version.code), "fits": False, "most": catalogue.most_seats(version), "enough": _enough(calculator.enough(choice, sold), choice)}
    target = calculator.target_of(choice, version, packets)
    counted = calculator.quote_of(target)
    monthly = calculator.quote_of(replace(target, interval=Interval.MONTH))
    return {
        "plan": wording.name_of(version.code), "lines": wording.lines(counted), "total": counted.total, "free": version.code == plans.FREE,
        "saved": 12 * monthly.total - counted.total if choice.yearly else 0, "month": pricing.a_month(counted.total, choice.interval),
        "fits": True,
        "within": [wording.name_of(one.code) for one in packets if one.code in choice.add_ons and calculator.is_module(one) and one.code in version.features],
    }  # fmt: skip


def _enough(version: PlanVersion | None, choice: calculator.Choice) -> dict[str, str] | None:
    """A plan that holds everybody, and the page that counts it with all that was chosen."""
    if version is None:
        return None
    asked = {"seats": choice.seats, "currency": choice.currency, "plan": version.code, **({"yearly": 1} if choice.yearly else {}), **{f"addon:{code}": count for code, count in choice.add_ons.items()}}
    return {"name": wording.name_of(version.code), "page": f"{reverse('prices')}?{urlencode(asked)}#first-bill"}


def _plan(version: PlanVersion, choice: calculator.Choice) -> dict[str, Any]:
    rate, most = pricing.read(version.terms).rate(choice.currency, choice.interval), catalogue.most_seats(version)
    seats = choice.seats if most is None else min(choice.seats, most)  # the price of one is that of a number that can be bought
    seat = pricing.a_month(rate.unit(seats), choice.interval)
    return {
        "code": version.code, "name": plans.NAMES[version.code], "for_whom": _FOR_WHOM[version.code], "limits": version.limits,
        "seat": money.show(seat, currency=choice.currency), "total": money.show(rate.amount(seats), currency=choice.currency),
        "free": not seat, "fits": calculator.holds(version, choice), "most": most, "gb": (version.limits["storage"] or 0) // plans.GB,
    }  # fmt: skip


def terms(request: HttpRequest) -> HttpResponse:
    """A placeholder until the operator's lawyers have written it."""
    return responses.page(request, "site/terms.html")


def privacy(request: HttpRequest) -> HttpResponse:
    """A placeholder, with what is true already."""
    return responses.page(request, "site/privacy.html")
