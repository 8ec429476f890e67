"""Verbs of products: the engine's, under the field's names, and finding by a folded name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm_core.groundwork.records import writing
from crm_platform.kernel.permissions import Actor

from .kind import PRODUCT, folded_name
from .models import Product


def create_product(actor: Actor, **values: Any) -> Product:
    """Make a product; see `writing.create`."""
    made: Product = writing.create(actor, PRODUCT, values)
    return made


def create_products(actor: Actor, rows: Sequence[Mapping[str, Any]]) -> list[Product]:
    """Make many in a constant number of statements."""
    return writing.create_many(actor, PRODUCT, rows)


def change_product(actor: Actor, pk: int, *, version: int | None = None, **values: Any) -> Product:
    """Change one; see `writing.change`."""
    changed: Product = writing.change(actor, PRODUCT, pk, values, version=version)
    return changed


def by_names(names: Sequence[str]) -> dict[str, Product]:
    """Products by folded name, the oldest of equals; the bin left out."""
    folded = list(dict.fromkeys(folded_name(name) for name in names if name.strip()))
    return {product.folded: product for product in Product.objects.filter(folded__in=folded, binned_at=None).order_by("-id")}


def named(actor: Actor, name: str) -> Product | None:
    """The product of a name, made where there is none; None for an empty name."""
    if not name.strip():
        return None
    return by_names([name]).get(folded_name(name)) or create_product(actor, name=name)
