"""How people and firms are reached, out of a table: what their two imports share."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.imports.kinds import Target
from crm_core.groundwork.records.ordering import fold
from crm_core.people import reaching

TARGETS = (
    Target("further_addresses", _("Further addresses"), "text", "other addresses, additional addresses, дополнительные адреса, adresses supplémentaires, overige adressen, qo'shimcha manzillar"),
    Target("messengers", _("Messengers"), "text", "messenger, instant messaging, instant messenger, im, мессенджер, messagerie, chatdienst, messenjer"),
)  # fmt: skip
# Where the next messenger begins: a service that we know, then a colon; a name may hold commas and colons of its own.
_SERVICE = re.compile(rf"(?:\A|[;,\n])\s*({'|'.join(code for code, _label in reaching.SERVICES)}|(?=:))\s*:", re.IGNORECASE)


def ways_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Phones, e-mails, addresses and messengers of a row, as the services take them; only those it gives."""
    values: dict[str, Any] = {}
    if "phone" in given:
        values["phones"] = [{"number": number, "kind": "work"} for number in given["phone"]]
    if "email" in given:
        values["emails"] = [{"address": address, "kind": "work"} for address in given["email"]]
    address = {part: given[part] for part in ("street", "city", "region", "zip", "country") if given.get(part)}
    addresses = [*([{"kind": "work", **address}] if address else []), *(read_addresses(given["further_addresses"]) if given.get("further_addresses") else [])]
    if addresses:
        values["addresses"] = addresses
    if given.get("messengers"):
        values["messengers"] = read_messengers(given["messengers"])
    return values


def read_messengers(text: str) -> list[dict[str, str]]:
    """The messengers of a cell, "telegram: daanw; skype: daan" as our export writes them; a name without a service we know is of another."""
    heads = list(_SERVICE.finditer(text))
    bare = text[: heads[0].start()] if heads else text
    found = [("other", name) for name in re.split(r"[;,\n]", bare)]
    for at, head in enumerate(heads):
        end = heads[at + 1].start() if at + 1 < len(heads) else len(text)
        first, *others = re.split(r"[;\n]", text[head.end() : end])
        found += [(head.group(1).lower() or "other", first), *(("other", name) for name in others)]
    return [{"service": service, "name": name.strip()} for service, name in found if name.strip()]


def read_addresses(text: str) -> list[dict[str, str]]:
    """The addresses of a cell: one a line, each part under its name as our export writes them; what bears no names is a street."""
    found: list[dict[str, str]] = []
    for line in text.split("\n"):
        parts = dict(_parts(line))
        if parts:
            found.append({"kind": "work", **parts})
        else:
            found += [{"kind": "work", "street": piece.strip()} for piece in line.split(";") if piece.strip()]
    return found


def _parts(line: str) -> Iterator[tuple[str, str]]:
    pattern, named = _names_of_parts()
    heads = list(pattern.finditer(line))
    if not heads or line[: heads[0].start()].strip():
        return
    for at, head in enumerate(heads):
        value = line[head.end() : heads[at + 1].start() if at + 1 < len(heads) else len(line)].strip()
        if value:
            yield named[fold(head.group(1))], value


@functools.cache
def _names_of_parts() -> tuple[re.Pattern[str], dict[str, str]]:
    """How the parts of an address are called in every language: a file is read by another person than wrote it."""
    named: dict[str, str] = {}
    words: list[str] = []
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            for part, label in reaching.ADDRESS_PARTS:
                words.append(str(label))
                named.setdefault(fold(str(label)), part)
    any_of = "|".join(re.escape(word) for word in sorted(set(words), key=len, reverse=True))
    return re.compile(rf"(?:\A|;)\s*({any_of})\s*:", re.IGNORECASE), named


def merged(present: Any, values: dict[str, Any]) -> dict[str, Any]:
    """An update adds phones, e-mails, addresses, messengers and tags to those that are there, and never empties a field."""
    result = {name: value for name, value in values.items() if value not in (None, "", [])}
    for name, key in (("phones", "number"), ("emails", "address")):
        if name in result:
            cleaned = reaching.clean_phones(result[name]) if name == "phones" else result[name]
            there = {str(row[key]).lower() for row in getattr(present, name)}
            result[name] = [*getattr(present, name), *(row for row in cleaned if str(row[key]).lower() not in there)]
    if "addresses" in result:
        result["addresses"] = _with_addresses(present.addresses, result["addresses"])
    if "messengers" in result:
        result["messengers"] = _with_messengers(present.messengers, result["messengers"])
    if "tag_ids" in result:
        result["tag_ids"] = sorted({*present.tag_ids, *result["tag_ids"]})
    return result


def _with_messengers(present: Sequence[dict[str, Any]], given: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    def key(row: Mapping[str, Any]) -> tuple[str, str]:
        return row.get("service") or "other", fold(str(row.get("name", "")))

    there = {key(row) for row in present}
    return [*present, *(row for row in given if key(row) not in there)]


def _with_addresses(present: Sequence[dict[str, Any]], given: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One that says no more than one that is there is the same; one that says the same and more completes it; any other is a further one."""
    result = list(present)
    for row in given:
        said = _compared(row)
        known = [(at, _compared(one)) for at, one in enumerate(result)]
        if any(said.items() <= one.items() for _at, one in known) or _in_words(row) in [_in_words(one) for one in result]:
            continue
        less = next((at for at, one in known if one and one.items() <= said.items()), None)
        if less is None:
            result.append(row)
        else:
            result[less] = {**result[less], **{part: value for part, value in row.items() if not result[less].get(part)}}
    return result


def _compared(row: Mapping[str, Any]) -> dict[str, str]:
    return {part: fold(str(row[part])) for part, _label in reaching.ADDRESS_PARTS if row.get(part)}


def _in_words(row: Mapping[str, Any]) -> str:
    """An address in one line, as an older export of ours wrote it, is the same as the one in parts."""
    return fold(reaching.show_addresses([row]))
