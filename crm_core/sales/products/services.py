"""Verbs of products: the engine's, under the field's names, and finding by a folded name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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


def by_spellings(names: Sequence[str], *, apart: Collection[str] = ()) -> dict[str, Product]:
    """Products by the names given: of exactly that name, else of one that folds to the same; a name that stands `apart` means no other."""
    folded = list(dict.fromkeys(folded_name(name) for name in names if name.strip()))
    present: dict[str, list[Product]] = {}
    for product in Product.objects.filter(folded__in=folded, binned_at=None).order_by("id"):
        present.setdefault(product.folded, []).append(product)
    found: dict[str, Product] = {}
    for name in names:
        alike = present.get(folded_name(name), [])
        product = next((one for one in alike if one.name == name), None) or next((one for one in alike if name not in apart and one.name not in apart), None)
        if product is not None:
            found[name] = product
    return found


def spellings_here(names: Sequence[str]) -> dict[str, list[str]]:
    """The names in the price list that the given ones fold to, by what they fold to, the one taken first in front."""
    folded = list(dict.fromkeys(folded_name(name) for name in names if name.strip()))
    found: dict[str, list[str]] = {}
    for key, name in Product.objects.filter(folded__in=folded, binned_at=None).order_by("id").values_list("folded", "name"):
        found.setdefault(key, []).append(name)
    return found


def named(actor: Actor, name: str) -> Product | None:
    """The product of exactly that name, else of one that folds to the same; made where there is none; None for an empty name."""
    wanted = " ".join(name.split())
    if not wanted:
        return None
    return by_spellings([wanted]).get(wanted) or create_product(actor, name=wanted)
