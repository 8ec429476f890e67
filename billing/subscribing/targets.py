"""What somebody wants to have, out of a form that nobody trusts: versions and prices come from our rows, never from a browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from billing import catalogue, plans, pricing, services
from billing.models import PlanVersion
from billing.pricing import Interval
from billing.pricing.terms import Seats
from billing.providers.protocol import Target
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.workspace import Place
from crm_platform.ui.markup import figure
from tenants.inside import services as inside

from .accounts import Held, held

MOST_SEATS, MOST_PACKETS = 10_000, 100
# A provider takes no end of a trial that is nearer than this.
TRIAL_KEPT_FROM = timedelta(hours=48)
ADD_ON = "addon:"


class NotOnSale(Invalid):
    """The version is not sold any more, and the workspace does not have it."""

    code = "not_on_sale"
    sentence = _("This plan is not on sale any more. Choose one of those on the page.")


class BadQuantity(Invalid):
    """So many cannot be bought."""

    code = "bad_quantity"
    sentence = _("So many cannot be bought: from {least} to {most}.")


class OtherCurrency(Invalid):
    """The account pays in another currency."""

    code = "other_currency"
    sentence = _("Your account is kept in {currency}. To pay in another currency, cancel this plan first; at its end you can buy anew in the other one.")


class FreeIsNotBought(Invalid):
    """Free is reached by cancelling."""

    code = "free_is_not_bought"
    sentence = _("Free costs nothing: cancel the plan, and at the end of its period the workspace is on Free.")


def target_from(place: Place, values: Mapping[str, str]) -> Target:
    """What a form asks for: `plan`, `seats`, `interval`, `currency`, `coupon`, `begin` ("now" gives up the rest of a trial), and "addon:CODE" → how many.

    What is left out stays as it is held. Raises Invalid (NotOnSale, BadQuantity, OtherCurrency, NotSoldSo). Opens units of its own.
    """
    with sides.unit(place):
        currency = inside.preferences().currency
    with sides.control_unit():
        had = held(place)
        version = _version(had, values.get("plan") or had.subscription.plan.code)
        terms = pricing.read(version.terms)
        now = had.subscription
        seats = _whole(values["seats"], most=_most(version), least=terms.least) if values.get("seats") else max(now.seats, terms.least)
        target = Target(
            version.code, version.version, 1 if terms.seats == Seats.UNLIMITED else seats, _interval(values.get("interval") or now.interval or "month"),
            values.get("currency") or now.currency or had.account.currency or (currency if currency in terms.currencies else "EUR"),
            _add_ons(had, values), values.get("coupon", "").strip(), None if values.get("begin") == "now" else _rest_of_trial(now.trial_ends_at),
        )  # fmt: skip
        return check(had, target)


def check(had: Held, target: Target) -> Target:
    """The target, if it may be bought by who has this. Raises Invalid. Inside a control unit."""
    version = catalogue.version_of(target.plan, target.version)
    if version is None or not (version.on_sale or version.pk == had.subscription.plan_id):
        raise NotOnSale
    if version.code == plans.FREE:
        raise FreeIsNotBought
    fixed = had.subscription.currency if had.live else had.account.currency
    if fixed and target.currency != fixed:
        raise OtherCurrency(currency=fixed)
    terms = catalogue.terms_of(version)
    terms.rate(target.currency, target.interval)
    if terms.seats == Seats.UNLIMITED:
        target = replace(target, seats=1)
    _within(target.seats, least=terms.least, most=_most(version))
    for ref, count in target.add_ons.items():
        _check_add_on(had, ref, count, target)
    return target


def stored(target: Target) -> dict[str, Any]:
    """As a row keeps it."""
    values = asdict(target)
    return {**values, "interval": str(target.interval), "add_ons": dict(target.add_ons), "trial_end": target.trial_end.isoformat() if target.trial_end else None}


def read(kept: Mapping[str, Any]) -> Target:
    """The reverse."""
    trial = kept.get("trial_end")
    return Target(
        kept["plan"], kept["version"], kept["seats"], Interval(kept["interval"]), kept["currency"], kept.get("add_ons", {}), kept.get("coupon", ""),
        datetime.fromisoformat(trial) if trial else None,
    )  # fmt: skip


def present(had: Held) -> Target:
    """What is held now, as a target: a change begins from it. The discount in force goes along."""
    now, discount = had.subscription, had.discount()
    return Target(now.plan.code, now.plan.version, now.seats, Interval(now.interval or "month"), now.currency, dict(now.add_ons), discount.code if discount else "")


def present_at(place: Place) -> Target:
    """The same in a control unit of its own."""
    with sides.control_unit():
        return present(held(place))


def _version(had: Held, code: str) -> PlanVersion:
    """The held version for the time its price is kept, and where no newer is sold; else the one on sale."""
    now, newest = had.subscription, next((one for one in services.on_sale(special=True) if one.code == code), None)
    kept = had.live and (now.price_kept_until is None or now.price_kept_until > clock.now())
    if now.plan.code == code and (kept or newest is None):
        return now.plan
    if newest is None:
        raise NotOnSale
    return newest


def _most(version: PlanVersion) -> int:
    """The most seats that the version can have: its own bound, or the house's."""
    bound = catalogue.most_seats(version)
    return MOST_SEATS if bound is None else min(bound, MOST_SEATS)


def _within(count: int, *, least: int, most: int) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or not least <= count <= most:
        raise BadQuantity(least=figure(least), most=figure(most))
    return count


def _whole(text: str, *, least: int, most: int) -> int:
    """A number as typed; a sign, a point, or more digits than anybody needs are refused like one out of bounds."""
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BadQuantity(least=figure(least), most=figure(most))
    return _within(int(text), least=least, most=most)


def _interval(text: str) -> Interval:
    try:
        return Interval(text)
    except ValueError:
        raise Invalid(fields={"interval": [_("Paid monthly or yearly.")]}) from None


def _rest_of_trial(ends: datetime | None) -> datetime | None:
    return ends if ends is not None and ends >= clock.now() + TRIAL_KEPT_FROM else None


def _add_ons(had: Held, values: Mapping[str, str]) -> dict[str, int]:
    """What is asked of each by its code; where the form does not speak of one, what is held of it."""
    found = {ref: count for ref, count in had.subscription.add_ons.items() if f"{ADD_ON}{ref.partition(':')[0]}" not in values}
    newest = {one.code: one.version for one in services.add_ons()}
    for name, text in values.items():
        code = name.removeprefix(ADD_ON)
        if code == name or not text.strip():
            continue
        ref = next((ref for ref in had.subscription.add_ons if ref.partition(":")[0] == code), f"{code}:{newest.get(code, 0)}")
        count = _whole(text, least=0, most=MOST_PACKETS)
        if count:
            found[ref] = count
    return found


def _check_add_on(had: Held, ref: str, count: int, target: Target) -> None:
    version = catalogue.add_on_of(ref)
    if version is None or not (version.on_sale or ref in had.subscription.add_ons):
        raise NotOnSale
    catalogue.terms_of(version).rate(target.currency, target.interval)
    is_module = any(given is True for given in version.gives.values())
    _within(count, least=1, most=1 if is_module else MOST_PACKETS)
