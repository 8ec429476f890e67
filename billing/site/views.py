"""Pages of the public site. They ask the database for the plans alone."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from billing import plans, pricing, services
from billing.pricing import Interval
from crm_platform.kernel import money
from crm_platform.kernel.reading import whole
from crm_platform.ui import responses

_FOR_WHOM = {
    "free": _("For a firm that starts, or stays small."),
    "start": _("For a team that sells every day."),
    "team": _("For several departments with rules of their own."),
    "business": _("For those who must answer to auditors."),
}
CURRENCIES = ("EUR", "USD", "RUB", "UZS")


def home(request: HttpRequest) -> HttpResponse:
    """What it is, and the way in."""
    return responses.page(request, "site/home.html", free=services.find("free").limits)


def prices(request: HttpRequest) -> HttpResponse:
    """The price page, drawn from the plans' data; counted for people, period and currency."""
    currency = request.GET.get("currency", "EUR")
    currency = currency if currency in CURRENCIES else "EUR"
    asked = whole(request.GET.get("seats"))
    seats = 7 if asked is None else min(200, max(1, asked))
    yearly = request.GET.get("yearly", "1") == "1" if "seats" not in request.GET else "yearly" in request.GET
    drawn = [_plan(version, currency=currency, seats=seats, yearly=yearly) for version in services.on_sale()]
    fitting = next((plan for plan in drawn if plan["fits"]), None)
    for plan in drawn:
        plan["chosen"] = plan is fitting and plan["code"] != plans.FREE
    context: dict[str, Any] = {"plans": drawn, "seats": seats, "yearly": yearly, "currency": currency, "currencies": CURRENCIES}
    template = "site/_plans.html" if responses.wants_fragment(request) else "site/prices.html"
    return responses.page(request, template, **context)


def _plan(version: Any, *, currency: str, seats: int, yearly: bool) -> dict[str, Any]:
    interval = Interval.YEAR if yearly else Interval.MONTH
    rate = pricing.read(version.terms).rate(currency, interval)
    seat = pricing.a_month(rate.unit(seats), interval)
    most = version.limits["users"]
    return {
        "code": version.code, "name": plans.NAMES[version.code], "for_whom": _FOR_WHOM[version.code], "limits": version.limits,
        "seat": money.show(seat, currency=currency), "total": money.show(rate.amount(seats), currency=currency),
        "free": not seat, "fits": most is None or seats <= most, "most": most, "gb": (version.limits["storage"] or 0) // plans.GB,
    }  # fmt: skip


def terms(request: HttpRequest) -> HttpResponse:
    """A placeholder until the operator's lawyers have written it."""
    return responses.page(request, "site/terms.html")


def privacy(request: HttpRequest) -> HttpResponse:
    """A placeholder, with what is true already."""
    return responses.page(request, "site/privacy.html")
