"""Looking around over there: who works there, which pipelines and fields there are, and how much of what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from .foreign import Account, Trouble, page

PLURALS = ("leads", "contacts", "companies")
# Fields of an account are told in pages of fifty at most.
_LIMIT, _FIELDS, _FARTHEST = 250, 50, 2**16
_WON, _LOST = 142, 143


def look(account: Account, *, beat: Callable[[], None]) -> dict[str, Any]:
    """The inventory. Raises Trouble; `beat` is called between questions, for all of it takes a minute."""
    told = account.ask("account", {"with": "drive_url,datetime_settings"})
    if told is None or not isinstance(told.get("id"), int):
        raise Trouble(_("What answers there is no amoCRM: it sent something that is not its API’s JSON."), again=False)
    found: dict[str, Any] = {"account": _account(told)}
    found["users"] = [_kept(row, "id", "name", "email") for row in every(account, "users", "users", beat=beat)]
    found["pipelines"] = [_pipeline(row) for row in every(account, "leads/pipelines", "pipelines", beat=beat)]
    found["reasons"] = [_kept(row, "id", "name") for row in _if_any(account, "leads/loss_reasons", "loss_reasons", beat)]
    found["sources"] = [_kept(row, "id", "name") for row in _if_any(account, "sources", "sources", beat)]
    catalogs = _if_any(account, "catalogs", "catalogs", beat)
    found["product_catalogs"] = [row["id"] for row in catalogs if row.get("type") == "products" and isinstance(row.get("id"), int)]
    found["fields"] = {plural: [_field(row) for row in every(account, f"{plural}/custom_fields", "custom_fields", limit=_FIELDS, beat=beat)] for plural in PLURALS}
    found["fields"]["products"] = [
        _field(row) for pk in found["product_catalogs"] for row in _if_any(account, f"catalogs/{pk}/custom_fields", "custom_fields", beat, limit=_FIELDS)
    ]  # fmt: skip
    found["counts"] = _counts(account, found, [row["id"] for row in catalogs if row.get("type") != "products" and isinstance(row.get("id"), int)], beat)
    return found


def _account(told: dict[str, Any]) -> dict[str, Any]:
    embedded = told.get("_embedded")
    dates = embedded.get("datetime_settings") if isinstance(embedded, dict) else None
    zone = dates.get("timezone") if isinstance(dates, dict) else None
    drive = told.get("drive_url")
    return {**_kept(told, "id", "name", "currency"), "drive_url": drive if isinstance(drive, str) else "", "time_zone": zone if isinstance(zone, str) else ""}


def _kept(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: row.get(name) if isinstance(row.get(name), int) else str(row.get(name) or "")[:250] for name in names}


def _pipeline(row: dict[str, Any]) -> dict[str, Any]:
    statuses = page(row, "statuses")[0]
    told = [{**_kept(one, "id", "name", "color"), "sort": one.get("sort") or 0, "type": one.get("type") or 0} for one in statuses]
    return {**_kept(row, "id", "name"), "statuses": sorted(told, key=lambda one: one["sort"])}


def _field(row: dict[str, Any]) -> dict[str, Any]:
    enums = [_kept(one, "id", "value", "code") for one in row.get("enums") or [] if isinstance(one, dict)]
    return {**_kept(row, "id", "name", "code", "type"), "enums": enums}


def every(account: Account, path: str, name: str, *, limit: int = _LIMIT, beat: Callable[[], None]) -> list[dict[str, Any]]:
    """All rows of a list that is not long."""
    found: list[dict[str, Any]] = []
    for number in range(1, 200):
        rows, more = page(account.ask(path, {"limit": limit, "page": number}), name)
        found += rows
        beat()
        if not (rows and more):
            break
    return found


def _if_any(account: Account, path: str, name: str, beat: Callable[[], None], *, limit: int = _LIMIT) -> list[dict[str, Any]]:
    """The same of what an account may not have, or a token not reach."""
    try:
        return every(account, path, name, limit=limit, beat=beat)
    except Trouble as trouble:
        if trouble.again or trouble.status == 401:
            raise
        return []


def _counts(account: Account, found: dict[str, Any], others: list[int], beat: Callable[[], None]) -> dict[str, int]:
    def number(path: str, name: str, query: dict[str, Any] | None = None) -> int:
        return count(account, path, name, query or {}, beat=beat)

    counts = {plural: number(plural, plural) for plural in PLURALS}
    closed = {f"filter[statuses][{2 * at + one}][{name}]": value for at, row in enumerate(found["pipelines"]) for one, pk in enumerate((_WON, _LOST)) for name, value in (("pipeline_id", row["id"]), ("status_id", pk))}
    counts["open"] = max(0, counts["leads"] - number("leads", "leads", closed)) if closed else counts["leads"]
    counts["notes"] = sum(number(f"{plural}/notes", "notes") for plural in PLURALS)
    counts["tasks"] = number("tasks", "tasks")
    counts["products"] = sum(number(f"catalogs/{pk}/elements", "elements") for pk in found["product_catalogs"])
    counts["elements"] = sum(number(f"catalogs/{pk}/elements", "elements") for pk in others)
    counts |= {"customers": number("customers", "customers"), "segments": number("customers/segments", "segments"), "transactions": number("customers/transactions", "transactions")}
    counts["unsorted"] = number("leads/unsorted", "unsorted")
    drive = found["account"]["drive_url"]
    counts["files"] = count(account, f"{drive}/v1.0/files", "files", {}, beat=beat) if drive else 0
    return counts


def count(account: Account, path: str, name: str, query: dict[str, Any], *, beat: Callable[[], None]) -> int:
    """How many rows a list has, told by few questions: the account says no totals, so its last page is looked for. 0 for what the token does not reach."""

    def rows_on(number: int) -> tuple[int, bool]:
        asked = {**query, "limit": _LIMIT, "page": number}
        rows, more = page(account.ask_at(path, asked) if "://" in path else account.ask(path, asked), name)
        beat()
        return len(rows), more

    try:
        length, more = rows_on(1)
        return _last(rows_on, length) if length and more else length
    except Trouble as trouble:
        if trouble.again or trouble.status == 401:
            raise
        return 0


def _last(rows_on: Callable[[int], tuple[int, bool]], length: int) -> int:
    """By doubling until a page is empty, then by halving between."""
    last, beyond = 1, 2
    while beyond <= _FARTHEST and (found := rows_on(beyond)[0]):
        last, length, beyond = beyond, found, beyond * 2
    while beyond - last > 1 and beyond <= _FARTHEST:
        middle = (last + beyond) // 2
        found = rows_on(middle)[0]
        if found:
            last, length = middle, found
        else:
            beyond = middle
    return (last - 1) * _LIMIT + length
