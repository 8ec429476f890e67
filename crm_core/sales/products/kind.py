"""What a product is to groundwork."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records.ordering import fold, sort_key
from crm_core.groundwork.records.registry import Attribute, Found, Kind, register
from crm_core.groundwork.tags import services as tags
from crm_platform.accounts import directory
from crm_platform.kernel import money
from crm_platform.kernel.errors import Invalid

from .models import Product
from .permissions import PRODUCTS

_NOT_LETTERS = re.compile(r"[^\w]+|_")


def folded_name(name: str) -> str:
    """What makes "GTX Pro", "GTXPro" and "gtx-pro" one."""
    return _NOT_LETTERS.sub("", fold(name)) or fold(name)


def prepare(product: Product) -> None:
    """Name, its folding, order."""
    product.name = " ".join(product.name.split())
    if not product.name:
        raise Invalid(fields={"name": [_("Give the product a name.")]})
    product.folded, product.sort_key = folded_name(product.name), sort_key(product.name)


def found(product: Product) -> Found:
    """Name, article number, series."""
    price = money.show(product.price_minor, currency=product.currency)
    return Found(product.name, price, [product.sku, product.series])


PRODUCT = register(
    Kind(
        code="product", model=Product, entity=PRODUCTS, label=_("Product"), plural=_("Products"), icon="package", card="product",
        prepare=prepare, found=found, weight=0,
        attributes=(
            Attribute("name", _("Name")),
            Attribute("series", _("Series")),
            Attribute("sku", _("Article number")),
            Attribute("unit", _("Unit")),
            Attribute("price_minor", _("Price"), lambda value: "" if value is None else str(money.major(value, currency="EUR"))),
            Attribute("currency", _("Currency")),
            Attribute("description", _("Description")),
            Attribute("responsible_id", _("Responsible"), directory.name_of),
            Attribute("tag_ids", _("Tags"), lambda value: ", ".join(tags.names_of("product", value or []))),
        ),
    )
)  # fmt: skip
