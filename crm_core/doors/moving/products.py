"""Elements of the account's price lists, as products."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.doors.amocrm.fields import values as custom_values
from crm_core.doors.amocrm.wire.fields import Item
from crm_core.doors.amocrm.wire.texts import clean
from crm_core.sales.products.kind import PRODUCT
from crm_platform.kernel import money, preferences

from . import values as custom
from .records import Values, create, minor
from .work import Row, Work


def write(work: Work, rows: Sequence[Row]) -> None:
    """Bring in a page."""
    currency = str(work.move.inventory["account"]["currency"])
    currency = currency if currency in money.CURRENCIES else preferences.here().currency
    pairs: list[tuple[Row, Values]] = []
    for row in work.fresh("products", rows):
        item = Item({"custom_fields_values": custom.translated(work, "products", row)})
        found = custom_values.read(item, PRODUCT.code)
        for fault in item.faults:
            work.leave("products", row["id"], row.get("name"), fault.detail)
        price = found.pop("price", None)
        pairs.append((row, {**found, "name": clean(str(row.get("name") or "–"))[:250], "currency": currency, "price_minor": minor(price, currency)}))
    create(work, "products", PRODUCT, pairs)
