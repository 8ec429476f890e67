"""Our prices at Stripe: found by their lookup key, made where they are missing, and kept with their ids. A price is never edited: a new figure is a new version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import stripe
from django.utils.translation import override

from billing import catalogue, wording
from billing.models import AddOnVersion, Coupon, PlanVersion
from billing.pricing import Interval, Item, Rate, lines_of, references, terms
from billing.providers.models import ProviderPrice
from billing.providers.protocol import Target
from crm_platform.db import sides

from .asking import Gone, Refused, ours
from .reading import BASE

CODE = "stripe"
# So many lookup keys may be asked for at once.
_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """One price as it must be there: for the whole (`rate` None), or by volume."""

    ref: str
    currency: str
    interval: Interval
    base: int
    rate: Rate | None

    @property
    def lookup_key(self) -> str:
        """By which it is found."""
        return f"{self.ref}:{self.currency}:{self.interval}"


def wanted_of(item: Item, currency: str, interval: Interval) -> list[Wanted]:
    """The prices of which an item consists."""
    found = [Wanted(f"{item.ref}{BASE}", currency, interval, item.rate.base, None)] if item.rate.base else []
    return found + ([Wanted(item.ref, currency, interval, 0, item.rate)] if item.rate.steps else [])


def everything() -> list[Wanted]:
    """All prices of all versions. Opens a control unit."""
    with sides.control_unit():
        rows = [(references.seats_of(one.code, one.version), one.terms) for one in PlanVersion.objects.order_by("pk") if one.terms]
        rows += [(references.add_on(f"{one.code}:{one.version}"), one.terms) for one in AddOnVersion.objects.order_by("pk") if one.terms]
    found = []
    for ref, stored in rows:
        for (currency, interval), rate in terms.read(stored).rates.items():
            if rate.base or any(step.unit for step in rate.steps):
                found += wanted_of(Item(ref, rate, 1), currency, interval)
    return found


def lines(client: stripe.StripeClient, target: Target) -> list[tuple[str, str, int]]:
    """What a target consists of at Stripe: our reference, the price's id, how many."""
    items = catalogue.items_of(target)
    counts = {line.ref: line.quantity for line in lines_of(items)}
    wanted = [one for item in items for one in wanted_of(item, target.currency, target.interval)]
    known = ensure(client, wanted)
    return [(one.ref, known[one.lookup_key], counts[one.ref]) for one in wanted]


def ensure(client: stripe.StripeClient, wanted: Sequence[Wanted]) -> dict[str, str]:
    """The ids of prices by their lookup keys; what is missing is looked up, then made."""
    known = _kept(wanted)
    missing = [one for one in wanted if one.lookup_key not in known]
    found = _looked_up(client, missing)
    made = {one.lookup_key: _make(client, one) for one in missing if one.lookup_key not in found}
    _keep(missing, found | made)
    return known | found | made


def _kept(wanted: Iterable[Wanted]) -> dict[str, str]:
    refs = {one.ref for one in wanted}
    with sides.control_unit():
        return {row.lookup_key: row.external_id for row in ProviderPrice.objects.filter(provider=CODE, ref__in=refs)}


def _keep(wanted: Iterable[Wanted], ids: dict[str, str]) -> None:
    rows = [ProviderPrice(provider=CODE, ref=one.ref, currency=one.currency, interval=str(one.interval), external_id=ids[one.lookup_key]) for one in wanted]
    if rows:
        with sides.control_unit():
            ProviderPrice.objects.bulk_create(rows, ignore_conflicts=True)


def _looked_up(client: stripe.StripeClient, wanted: Sequence[Wanted]) -> dict[str, str]:
    keys, found = [one.lookup_key for one in wanted], {}
    for start in range(0, len(keys), _AT_ONCE):
        with ours():
            page = client.v1.prices.list({"lookup_keys": keys[start : start + _AT_ONCE], "active": True, "limit": 100})
        found.update({str(price.lookup_key): price.id for price in page.data})
    return found


def _make(client: stripe.StripeClient, one: Wanted) -> str:
    product = _product(client, one.ref)
    given: dict[str, Any] = {
        "product": product, "currency": one.currency.lower(), "recurring": {"interval": str(one.interval)}, "lookup_key": one.lookup_key, "tax_behavior": "exclusive",
        "metadata": {"ref": one.ref, "included": str(one.rate.included if one.rate else 0)}, "nickname": one.lookup_key,
    }  # fmt: skip
    with ours():
        return client.v1.prices.create(given | _figures(one), {"idempotency_key": f"price:{one.lookup_key}"}).id  # type: ignore[arg-type]  # built in steps


def _figures(one: Wanted) -> dict[str, Any]:
    if one.rate is None:
        return {"unit_amount": one.base}
    if len(one.rate.steps) == 1:
        return {"unit_amount": one.rate.steps[0].unit}
    tiers = [{"up_to": "inf" if step.up_to is None else step.up_to - one.rate.included, "unit_amount": step.unit} for step in one.rate.steps]
    return {"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": tiers}


def _product(client: stripe.StripeClient, ref: str) -> str:
    """The product of a reference, one for base and units."""
    name = ref.removesuffix(BASE)
    product = f"kartoteka_{name.replace(':', '_')}"
    try:
        with ours():
            return client.v1.products.retrieve(product).id
    except Gone:
        with ours():
            return client.v1.products.create({"id": product, "name": _shown(name), "metadata": {"ref": name}}, {"idempotency_key": f"product:{name}"}).id


def _shown(ref: str) -> str:
    """As payers read it on the service's own pages; which version it is stands in the metadata."""
    with override("en"):
        return f"Kartoteka {wording.name_of(ref.split(':')[1])}"


def sync(client: stripe.StripeClient) -> dict[str, Any]:
    """Look up or make every price; those that are refused (an amount too large for them) are named, the others go on."""
    wanted, refused = everything(), {}
    before = len(_kept(wanted))
    for start in range(0, len(wanted), _AT_ONCE):
        for one in _refusing(client, wanted[start : start + _AT_ONCE]):
            refused[one[0]] = one[1]
    return {"prices": len(wanted), "known": before, "refused": refused}


def _refusing(client: stripe.StripeClient, some: Sequence[Wanted]) -> list[tuple[str, str]]:
    try:
        ensure(client, some)
    except Refused:
        found = []
        for one in some:
            try:
                ensure(client, [one])
            except Refused as error:
                found.append((one.lookup_key, str(error)))
        return found
    return []


def wrong(client: stripe.StripeClient) -> dict[str, dict[str, Any]]:
    """Prices that were archived or edited behind our back, by lookup key."""
    wanted = everything()
    with sides.control_unit():
        kept = {row.lookup_key: row.external_id for row in ProviderPrice.objects.filter(provider=CODE).exclude(interval="")}
    found: dict[str, dict[str, Any]] = {}
    with ours():
        there = {price.id: price for price in client.v1.prices.list({"limit": 100, "expand": ["data.tiers"]}).auto_paging_iter()}
    for one in wanted:
        price = there.get(kept.get(one.lookup_key, ""))
        if one.lookup_key in kept and (price is None or not price.active or not _as_sold(price, one)):
            found[one.lookup_key] = {"price": kept[one.lookup_key], "why": "not there" if price is None else "archived" if not price.active else "another amount"}
    return found


def _as_sold(price: stripe.Price, one: Wanted) -> bool:
    figures = _figures(one)
    if "tiers" not in figures:
        return bool(price.unit_amount == figures["unit_amount"])
    tiers = [{"up_to": "inf" if tier.up_to is None else tier.up_to, "unit_amount": tier.unit_amount} for tier in getattr(price, "tiers", None) or []]
    wanted: list[dict[str, Any]] = figures["tiers"]
    return tiers == wanted


def coupon(client: stripe.StripeClient, row: Coupon) -> str:
    """The coupon's id at Stripe: its code, made where it is missing."""
    given: dict[str, Any] = {"id": row.code, "name": row.code[:40], "duration": row.duration}
    given |= {"percent_off": row.percent_bp / 100} if row.percent_bp else {"amount_off": row.amount_minor, "currency": row.currency.lower()}
    given |= {"duration_in_months": row.months} if row.duration == "repeating" and row.months else {}
    try:
        with ours():
            return client.v1.coupons.retrieve(row.code).id
    except Gone:
        pass
    try:
        with ours():
            return client.v1.coupons.create(given, {"idempotency_key": f"coupon:{row.code}:{row.pk}"}).id  # type: ignore[arg-type]  # built in steps
    except Refused:
        with ours():
            return client.v1.coupons.retrieve(row.code).id  # another was quicker


def tax_rate(client: stripe.StripeClient, basis_points: int) -> str:
    """A tax on top of so many hundredths of a percent."""
    with sides.control_unit():
        kept = ProviderPrice.objects.filter(provider=CODE, ref=f"tax:{basis_points}").first()
    if kept is not None:
        return kept.external_id
    with ours():
        made = client.v1.tax_rates.create({"display_name": "VAT", "inclusive": False, "percentage": basis_points / 100}, {"idempotency_key": f"tax:{basis_points}"})
    with sides.control_unit():
        ProviderPrice.objects.bulk_create([ProviderPrice(provider=CODE, ref=f"tax:{basis_points}", external_id=made.id)], ignore_conflicts=True)
    return made.id


def refs() -> dict[str, str]:
    """Price's id to our reference. Opens a control unit."""
    with sides.control_unit():
        return dict(ProviderPrice.objects.filter(provider=CODE).values_list("external_id", "ref"))
