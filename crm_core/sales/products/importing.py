"""Products from a table."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from crm_core.groundwork.exports.columns import names_in
from crm_core.groundwork.imports import own as own_rows
from crm_core.groundwork.imports.kinds import Batch, ImportKind, Parsed, Target, register
from crm_core.groundwork.imports.names import Alike, Asked, Found, Names
from crm_core.groundwork.imports.parsing import custom_choices, tag_ids
from crm_core.groundwork.records import writing
from crm_platform.ui.markup import figure

from . import services
from .kind import PRODUCT, folded_name
from .models import Product

TARGETS = (
    Target("name", _("Name"), "text", "product, product name, item, товар, название, наименование, номенклатура, produit, nom, article, product naam, artikel, mahsulot, nomi"),
    Target("series", _("Series"), "text", "category, group, line, серия, категория, группа, série, catégorie, reeks, categorie, seriya, turkum"),
    Target("sku", _("Article number"), "text", "sku, article, code, артикул, код товара, référence, artikelnummer, artikul"),
    Target("price_minor", _("Price"), "money", "sales price, unit price, list price, цена, стоимость, prix, prix unitaire, prijs, verkoopprijs, narx"),
    Target("currency", _("Currency"), "currency", "currency code, price currency, валюта, валюта цены, devise, monnaie, valuta, munt, valyuta"),
    Target("unit", _("Unit"), "text", "unit of measure, uom, единица, ед. изм., unité, eenheid, birlik"),
    Target("description", _("Description"), "text", "описание, description produit, omschrijving, tavsif"),
    Target("tags", _("Tags"), "tags", "tag, теги, étiquettes, teglar"),
    Target("external_id", _("Number elsewhere"), "text", "id, product id, идентификатор, identifiant"),
)  # fmt: skip


def known_of(rows: list[Parsed]) -> list[Product | None]:
    """The product each row means: by our number, or by a name that differs at most in blanks, case and signs."""
    own, known = own_rows.records_of(PRODUCT, rows), services.by_names([row.values.get("name", "") for row in rows])
    return [own.get(row.values.get("record_id", 0)) or known.get(folded_name(row.values.get("name", ""))) for row in rows]


def write(batch: Batch, rows: list[Parsed]) -> None:
    """What is known already is skipped, updated or made again, as the person chose."""
    create = batch.choices["duplicates"] == "create"
    known = [None] * len(rows) if create else known_of(rows)
    fresh: dict[str, dict[str, Any]] = {}
    for row, present in zip(rows, known, strict=True):
        values = {name: value for name, value in row.values.items() if name not in ("tags", "custom", "record_id")}
        if "price_minor" in values:
            values["currency"] = row.values.get("currency") or batch.choices["currency"]
        if row.values.get("tags"):
            values["tag_ids"] = tag_ids(batch, "product", row.values["tags"])
        if row.values.get("custom"):
            values["custom"] = custom_choices(batch.actor, "product", row.values["custom"], add=batch.choices["add_missing"], note=batch.note_added)
        key = f"row {row.number}" if create else folded_name(values.get("name", ""))
        if present is None and key not in fresh:
            fresh[key] = values
        elif present is None:
            batch.skipped += 1
        elif batch.takes(PRODUCT, present, row):
            batch.met(changed=writing.change_locked(batch.actor, PRODUCT, present, values))
    made = services.create_products(batch.actor, list(fresh.values()))
    batch.created += len(made)
    batch.count("products", len(made))


def alike(count: int) -> str:
    """How many products of a file are here already."""
    return ngettext("%(n)s product looks the same", "%(n)s products look the same", count) % {"n": figure(count)}


def _told(found: Found) -> str:
    if found.new:
        return ngettext("%(n)s product, %(new)s new", "%(n)s products, %(new)s of them new", found.names) % {"n": figure(found.names), "new": figure(found.new)}
    return ngettext("%(n)s product, in the price list", "%(n)s products, all in the price list", found.names) % {"n": figure(found.names)}


def _told_alike(pair: Alike) -> str:
    if pair.here:
        words = ngettext("“%(main)s” is in the price list, “%(name)s” is not, and stands in %(n)s row.", "“%(main)s” is in the price list, “%(name)s” is not, and stands in %(n)s rows.", pair.rows)
        return words % {"main": pair.main, "name": pair.spelling, "n": figure(pair.rows)}
    figures = {"main": pair.main, "m": figure(pair.main_rows), "name": pair.spelling, "n": figure(pair.rows)}
    return _now("Neither is in the price list. Rows with “%(main)s”: %(m)s, with “%(name)s”: %(n)s.") % figures


def _same(pair: Alike) -> str:
    if pair.here:
        return ngettext("%(n)s row gets the price-list product", "%(n)s rows get the price-list product", pair.rows) % {"n": figure(pair.rows)}
    return ngettext("%(n)s row more gets that product", "%(n)s rows more get that product", pair.rows) % {"n": figure(pair.rows)}


def _added(pair: Alike) -> str:
    return _now("“%(name)s” is added to the price list") % {"name": pair.spelling}


# A column of another kind that names products; the names folded as everywhere.
NAMES = Names(
    folded_name, lambda names, mapped: services.spellings_here(names), _told, split=names_in,
    asked=Asked(told=_told_alike, same=_same, another=_("Another product"), added=_added),
)  # fmt: skip
register(ImportKind("products", PRODUCT, TARGETS, write, needs=("name",), own_entity="products", known=known_of, alike=alike, prefix=r"product\s+-\s+"))
