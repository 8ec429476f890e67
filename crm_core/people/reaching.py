"""Ways to reach people and firms: phones in E.164, folded e-mails, and the keys by which duplicates are found."""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, models
from django.utils.translation import gettext_lazy as _
from psycopg import sql

from crm_core.groundwork.records.fields import RowsField
from crm_core.groundwork.records.ordering import fold
from crm_platform.kernel import preferences, workspace
from crm_platform.kernel.errors import Invalid

# Locks that a workspace’s keys fall to; more than a unit may hold without crowding out others.
SHARES = 1024
_NOT_DIGITS = re.compile(r"\D+")
KINDS = (("work", _("work")), ("mobile", _("mobile")), ("home", _("home")), ("direct", _("direct")), ("fax", _("fax")), ("other", _("other")))
SERVICES = (("telegram", "Telegram"), ("whatsapp", "WhatsApp"), ("viber", "Viber"), ("signal", "Signal"), ("skype", "Skype"), ("other", _("other")))
ADDRESS_PARTS = (("street", _("Street")), ("zip", _("Postcode")), ("city", _("City")), ("region", _("Region")), ("country", _("Country")))
# Countries whose numbers are written without a country as ours are: the firm's own, else read as typed.
_BY_LANGUAGE = {"ru": "RU", "uz": "UZ", "fr": "FR", "nl": "NL"}


def country() -> str | None:
    """The country in which a number without one is read."""
    chosen = preferences.here()
    return chosen.country or _BY_LANGUAGE.get(chosen.language)


@functools.lru_cache(maxsize=20_000)
def read_phone(text: str, region: str | None) -> str:
    """A number in E.164 where it can be read with certainty, else as typed with single blanks."""
    plain = " ".join(text.split())
    try:
        number = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return plain
    if not phonenumbers.is_possible_number(number):
        return plain
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@functools.lru_cache(maxsize=20_000)
def show_phone(number: str) -> str:
    """A number as people write it."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def digits(number: str) -> str:
    """The digits by which a number is compared: no leading 0, and no Russian 8 before ten digits."""
    found = _NOT_DIGITS.sub("", number)
    if not number.startswith("+"):
        found = found.lstrip("0")
        if len(found) == 11 and found.startswith("8"):
            found = found[1:]
    return found


def clean_phones(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Phones as they are stored, doubles left out."""
    region, seen, kept = country(), set(), []
    for row in rows:
        number = read_phone(str(row.get("number", ""))[:60].strip(), region)
        if number and number not in seen:
            seen.add(number)
            kept.append({"number": number, "kind": row.get("kind") or "work"})
    return kept


def clean_emails(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """E-mails as they are stored; raises Invalid for what is none."""
    seen, kept = set(), []
    for row in rows:
        address = str(row.get("address", "")).strip()
        if not address or address.lower() in seen:
            continue
        try:
            validate_email(address)
        except ValidationError:
            raise Invalid(fields={"emails": [str(_("“{address}” is not an e-mail address.")).format(address=address[:80])]}) from None
        seen.add(address.lower())
        kept.append({"address": address, "kind": row.get("kind") or "work"})
    return kept


def clean_addresses(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Addresses as they are stored: only the parts that say something, so that one saved unchanged is unchanged."""
    parted = [(row, {part: str(row[part]).strip() for part, _label in ADDRESS_PARTS if row.get(part)}) for row in rows]
    return [{"kind": row.get("kind") or "work", **parts} for row, parts in parted if parts]


def keys_of(phones: Iterable[Mapping[str, Any]], emails: Iterable[Mapping[str, Any]]) -> list[str]:
    """What duplicates are found by."""
    keys = [f"p:{digits(row['number'])}" for row in phones if len(digits(row["number"])) >= 5]
    keys += [f"e:{row['address'].lower()}" for row in emails]
    return list(dict.fromkeys(keys))


def with_keys(model: type[models.Model], keys: Sequence[str]) -> list[int]:
    """Ids of the rows that have any of the keys.

    Each key is looked up in the index by itself: asked for a thousand at once, PostgreSQL would read the whole table.
    """
    statement = sql.SQL("SELECT DISTINCT r.id FROM unnest(%s::text[]) AS k JOIN {} AS r ON r.keys @> ARRAY[k]").format(sql.Identifier(model._meta.db_table))
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(keys)])
        return [pk for (pk,) in cursor.fetchall()]


def alone_with(keys: Iterable[str]) -> None:
    """Until the end of the unit nobody else who asks by this looks for any of the keys: of two who bring a new person at one moment the second finds whom the first made.

    Asked before `with_keys` where what is not found is made; all that a unit will ask for at once, since locks are taken in one order. They are shares of the
    workspace's keys and not the keys themselves, so that a request of thousands holds a bounded number.
    """
    shares = sorted({zlib.crc32(key.encode()) % SHARES for key in keys})
    if shares:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(pg_advisory_xact_lock(hashtext(%s), share)) FROM unnest(%s::int[]) AS share", [f"known:{workspace.here().prefix}", shares])


def keys_of_call(number: str) -> list[str]:
    """The keys that a caller's number may have here: as it came, as the firm's country reads it, and by its last ten digits."""
    region = country()
    found = [digits(number), digits(read_phone(number, region))]
    last = _NOT_DIGITS.sub("", number)[-10:]
    if len(last) == 10:
        here = phonenumbers.country_code_for_region(region) if region else 0
        found += [last, *(f"{code}{last}" for code in dict.fromkeys((here, 7, 1)) if code)]
    return [f"p:{one}" for one in dict.fromkeys(found) if len(one) >= 5]


def name_key(name: str) -> str:
    """A firm's name, folded, for finding it again."""
    return f"n:{fold(name)}"


def words_for_search(phones: Iterable[Mapping[str, Any]], emails: Iterable[Mapping[str, Any]]) -> list[str]:
    """Digits and addresses, as words of the search row."""
    return [*(digits(row["number"]) for row in phones), *(row["address"] for row in emails)]


def show_phones(value: Sequence[Mapping[str, Any]] | None) -> str:
    """Phones in words."""
    return ", ".join(show_phone(row["number"]) for row in value or [])


def show_emails(value: Sequence[Mapping[str, Any]] | None) -> str:
    """E-mails in words."""
    return ", ".join(row["address"] for row in value or [])


def show_messengers(value: Sequence[Mapping[str, Any]] | None) -> str:
    """Messengers in words."""
    return ", ".join(f"{row.get('service', '')}: {row.get('name', '')}" for row in value or [])


def show_addresses(value: Sequence[Mapping[str, Any]] | None) -> str:
    """Addresses in words."""
    return "; ".join(", ".join(str(row[part]) for part, _label in ADDRESS_PARTS if row.get(part)) for row in value or [])


def phones_field() -> RowsField:
    """Rows of phones."""
    return RowsField(label=_("Phones"), main="number", columns=[("number", _("Number"), None), ("kind", _("Kind"), KINDS)])


def emails_field() -> RowsField:
    """Rows of e-mails."""
    return RowsField(label=_("E-mails"), main="address", columns=[("address", _("Address"), None), ("kind", _("Kind"), KINDS)])


def messengers_field() -> RowsField:
    """Rows of messengers."""
    return RowsField(label=_("Messengers"), main="name", columns=[("service", _("Service"), SERVICES), ("name", _("Name there"), None)])


def addresses_field() -> RowsField:
    """Rows of addresses."""
    return RowsField(
        label=_("Addresses"),
        columns=[*((part, label, None) for part, label in ADDRESS_PARTS), ("kind", _("Kind"), KINDS)],
    )  # fmt: skip
