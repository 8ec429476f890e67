"""Products from a table."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.imports import own as own_rows
from crm_core.groundwork.imports.kinds import Batch, ImportKind, Parsed, Target, register
from crm_core.groundwork.imports.parsing import custom_choices, tag_ids
from crm_core.groundwork.records import writing

from . import services
from .kind import PRODUCT, folded_name

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


def write(batch: Batch, rows: list[Parsed]) -> None:
    """Known by a name that differs at most in blanks, case and signs."""
    create = batch.choices["duplicates"] == "create"
    known = {} if create else services.by_names([row.values.get("name", "") for row in rows])
    own = {} if create else own_rows.records_of(PRODUCT, rows)
    fresh: dict[str, dict[str, Any]] = {}
    for row in rows:
        values = {name: value for name, value in row.values.items() if name not in ("tags", "custom", "record_id")}
        if "price_minor" in values:
            values["currency"] = row.values.get("currency") or batch.choices["currency"]
        if row.values.get("tags"):
            values["tag_ids"] = tag_ids(batch, "product", row.values["tags"])
        if row.values.get("custom"):
            values["custom"] = custom_choices(batch.actor, "product", row.values["custom"], add=batch.choices["add_missing"], note=batch.note_added)
        key = f"row {row.number}" if create else folded_name(values.get("name", ""))
        present = own.get(row.values.get("record_id", 0)) or known.get(key)
        if present is None and key not in fresh:
            fresh[key] = values
        elif present is None:
            batch.skipped += 1
        elif batch.takes(PRODUCT, present, row):
            batch.met(changed=writing.change_locked(batch.actor, PRODUCT, present, values))
    made = services.create_products(batch.actor, list(fresh.values()))
    batch.created += len(made)
    batch.count("products", len(made))


register(ImportKind("products", PRODUCT, TARGETS, write, needs=("name",), own_entity="products", prefix=r"product\s+-\s+"))
