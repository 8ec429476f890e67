"""The desk of products."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from crm_core.engagement import card
from crm_core.groundwork.records import desk
from crm_core.groundwork.records.cells import RESPONSIBLE, name_cell, tags_cell, tags_text
from crm_core.groundwork.records.desk import Column, Desk
from crm_core.groundwork.records.filters import Filter
from crm_platform.kernel import money

from .forms import ProductForm
from .kind import PRODUCT
from .models import Product


def _price_text(product: Any, given: dict[str, Any]) -> Any:
    return None if product.price_minor is None else money.major(product.price_minor, currency=product.currency)


def card_context(request: HttpRequest, product: Product) -> dict[str, Any]:
    """What stands on every card."""
    return card.context(request, PRODUCT, product)


DESK = desk.register(
    Desk(
        kind=PRODUCT, form=ProductForm, prefix="products", rail="products", gather=lambda records: {}, card_template="products/card.html",
        card_context=card_context, new_label=_("New product"), empty_title=_("No products yet"),
        empty_sentence=_("What do you sell? Write down the first, or bring in your price list."), defer=("description",),
        columns=(
            Column("name", _("Name"), name_cell(second=lambda product: product.sku), lambda product, given: product.name, sort="sort_key", phone="", width="w-lg"),
            Column("series", _("Series"), lambda product, given: product.series or "–", lambda product, given: product.series, phone="wide"),
            Column("tags", _("Tags"), tags_cell, tags_text("product"), width="w-md"),
            Column("price", _("Price"), lambda product, given: given["reader"].sum_of(product.price_minor, product.currency) or "–", _price_text, sort="price_minor", phone="end", end=True, width="w-sm"),
            RESPONSIBLE,
        ),
        filters=(Filter("series", _("Series"), lambda rows, value: rows.filter(series__iexact=value)),),
    )
)  # fmt: skip
