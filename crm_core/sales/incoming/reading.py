"""What a lead says, whoever sent it: flat fields under any name, JSON in JSON, leads and contacts in the words of the open API, answers of our own forms.

Nothing is refused here and nothing is lost: what is not understood stands among the fields, up to a bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_core.people import reaching
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.reading import without_nul

from . import spoken

MOST_FIELDS, LONGEST, DEEPEST = 200, 5000, 5
_EMAIL = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\"]{2,}")
_PHONE = re.compile(r"\+?[\d\s().\-/]{7,24}")
# Marks of a campaign, a page and a visitor: kept apart from what the person said.
_MARKS = re.compile(r"(utm_\w+|gclid|gclientid|fbclid|yclid|ym_uid|_ym_uid|_ga|ga_client_id|client_id|clientid|roistat|openstat_\w+|referr?er|page|page_url|page_title|form_id|form_name|ip|user_agent)", re.IGNORECASE)
ROLES: dict[str, str] = {
    **dict.fromkeys(("name", "full name", "fullname", "your name", "fio", "фио", "имя", "ваше имя", "nom", "naam", "ism", "contact name", "caller name"), "name"),
    **dict.fromkeys(("first name", "firstname", "given name", "prenom", "prénom", "voornaam"), "first_name"),
    **dict.fromkeys(("last name", "lastname", "surname", "family name", "фамилия", "achternaam", "familiya"), "last_name"),
    **dict.fromkeys(("phone", "tel", "telephone", "phone number", "mobile", "телефон", "номер телефона", "telefoon", "telefon", "téléphone", "from"), "phone"),
    **dict.fromkeys(("email", "e mail", "mail", "email address", "your email", "почта", "эл почта", "электронная почта", "courriel"), "email"),
    **dict.fromkeys(("message", "comment", "comments", "text", "question", "note", "body", "сообщение", "комментарий", "вопрос", "bericht", "xabar", "your message"), "message"),
    **dict.fromkeys(("company", "firm", "organization", "organisation", "company name", "компания", "организация", "bedrijf", "société", "entreprise", "kompaniya"), "company"),
    **dict.fromkeys(("subject", "title", "topic", "lead name", "deal name", "тема", "onderwerp", "sujet", "mavzu"), "title"),
    **dict.fromkeys(("price", "sum", "budget", "amount", "сумма", "бюджет", "bedrag", "montant", "summa"), "price"),
}


@dataclass(slots=True)
class Read:
    """A lead as it was understood: what goes into the columns of the same names."""

    name: str = ""
    message: str = ""
    contents: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)


def read(payload: Mapping[str, Any]) -> Read:
    """The payload of a row: {"form": how it is written, "said": what it says}."""
    said = payload.get("said")
    found = _READERS.get(str(payload.get("form")), _anything)(said)
    files = payload.get("files")
    if files:
        found.contents["files"] = files
    finish(found)
    return found


def _anything(said: Any) -> Read:
    if isinstance(said, Mapping) and (given := _as_given(said)) is not None:
        return given
    return from_fields((name, name, "", value) for name, value in _flat(said))


def _answers(said: Any) -> Read:
    rows = said.get("answers", []) if isinstance(said, Mapping) else []
    found = from_fields((row.get("key", ""), row.get("label", ""), row.get("role", ""), row.get("value")) for row in rows if isinstance(row, Mapping))
    if isinstance(said, Mapping) and said.get("consent"):
        found.contents["consent"] = said["consent"]
    return found


_READERS = {"answers": _answers}


def from_fields(rows: Iterable[tuple[str, str, str, Any]]) -> Read:
    """Fields of (name, label, role or "", value): roles are guessed from names where they are not said."""
    found, over = Read(), 0
    roles: dict[str, list[str]] = {}
    custom: dict[str, dict[str, Any]] = {}
    fields: list[list[str]] = []
    for position, (name, label, role, value) in enumerate(rows):
        text = clean(value)
        if position >= MOST_FIELDS:
            over += 1
            continue
        if not text:
            continue
        role = role or role_of(name, text)
        if role == "mark":
            found.metadata[_mark(name)] = text[:1000]
        elif role.startswith(("deal.", "contact.", "company.")):
            custom.setdefault(role.partition(".")[0], {})[role.partition(".")[2]] = value if isinstance(value, list) else text
            fields.append([label or name, text])
        elif role in ("", "other") or (role in roles and role != "phone" and role != "email"):
            fields.append([(label or name)[:200], text])
        else:
            roles.setdefault(role, []).append(text)
    if over:
        found.metadata["fields_left_out"] = over
    _put(found, roles, fields, custom)
    return found


def _put(found: Read, roles: dict[str, list[str]], fields: list[list[str]], custom: dict[str, Any]) -> None:
    def one(role: str) -> str:
        return roles.get(role, [""])[0]

    name = one("name") or f"{one('first_name')} {one('last_name')}".strip()
    person = {"name": name[:240], "phones": roles.get("phone", [])[:5], "emails": roles.get("email", [])[:5]}
    if any(person.values()):
        found.contents["contacts"] = [person]
    if one("company"):
        found.contents["companies"] = [{"name": one("company")[:240]}]
    if one("title") or one("price"):
        found.contents["lead"] = {"name": one("title")[:240], "price": one("price")[:40]}
    if custom:
        found.contents["custom"] = custom
    if fields:
        found.contents["fields"] = fields
    found.message = one("message")


def role_of(name: str, text: str) -> str:
    """What a field of this name is, and what its value looks like: "" where nobody can say."""
    last = name.rpartition(".")[2]
    if _MARKS.fullmatch(last.strip()):
        return "mark"
    role = named(last)
    if role == "email" and not _EMAIL.fullmatch(text):
        return ""
    if role == "phone" and not _PHONE.fullmatch(text):
        return ""
    return role or ("email" if _EMAIL.fullmatch(text) else "")


def named(label: str) -> str:
    """The role that a label names by itself; "" for any other."""
    return ROLES.get(" ".join(re.split(r"[\W_]+", label.lower())).strip(), "")


def _mark(name: str) -> str:
    last = name.rpartition(".")[2].strip().lower()
    return {"referer": "referrer", "page_url": "page", "clientid": "client_id", "_ga": "client_id", "ga_client_id": "client_id", "gclientid": "client_id"}.get(last, last)[:60]


def _flat(said: Any, *, name: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    if isinstance(said, Mapping) and depth < DEEPEST:
        for key, value in said.items():
            yield from _flat(value, name=f"{name}.{key}" if name else str(key), depth=depth + 1)
    elif isinstance(said, list) and depth < DEEPEST and any(isinstance(value, (Mapping, list)) for value in said):
        for position, value in enumerate(said):
            yield from _flat(value, name=f"{name}.{position + 1}" if name else str(position + 1), depth=depth + 1)
    else:
        yield name or "text", said


def clean(value: Any) -> str:
    """A value as a text of bounded length; scripts are text like any other."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(clean(one) for one in value[:MOST_FIELDS])[:LONGEST]
    return without_nul(str(value)).replace("\r\n", "\n").strip()[:LONGEST]


# In the words of the open API.

# What it says of a call or a form beside the lead: kept among the marks, where a page tells of it in words.
_OF_THE_API = frozenset({
    "source_uid", "source_name", "category", "from", "phone", "called_at", "duration", "link", "is_call_event_needed", "service_code", "uniq", "form_id", "form_name", "form_page", "form_sent_at", "referer", "ip",
})  # fmt: skip


def _as_given(said: Mapping[str, Any]) -> Read | None:
    """Leads, contacts and companies as objects; None where it does not speak so."""
    embedded = said.get("_embedded")
    inner = embedded if isinstance(embedded, Mapping) else said
    parts = {name: _objects(inner.get(name)) for name in ("leads", "contacts", "companies")}
    parts["leads"] = parts["leads"] or _objects(inner.get("lead"))
    if not any(parts.values()):
        return _bare(said) if isinstance(embedded, Mapping) and isinstance(said.get("metadata"), Mapping) else None
    found = Read()
    if parts["leads"]:
        found.contents["lead"] = parts["leads"][0]
    found.contents.update({name: parts[name] for name in ("contacts", "companies") if parts[name]})
    found.metadata = _marks(said.get("metadata"))
    rest = {name: value for name, value in said.items() if name not in ("_embedded", "lead", "leads", "contacts", "companies", "metadata")}
    told = from_fields((name, name, "", value) for name, value in _flat(rest)) if rest else Read()
    found.message = told.message
    found.metadata = {**told.metadata, **found.metadata}
    if told.contents.get("fields"):
        found.contents["fields"] = told.contents["fields"]
    return found


def _marks(given: Any) -> dict[str, Any]:
    return {str(name)[:60]: value if isinstance(value, (int, float, bool)) else clean(value)[:1000] for name, value in given.items()} if isinstance(given, Mapping) else {}


def _bare(said: Mapping[str, Any]) -> Read:
    """A call or a form with no lead, contact or company in it: whose number its metadata name is who called; what the API has no word for is said."""
    given = said["metadata"]
    numbers = {name: given[name] for name in ("from", "phone") if role_of(name, clean(given.get(name))) == "phone"}
    further = {name: value for name, value in given.items() if name not in _OF_THE_API}
    rest = {name: value for name, value in said.items() if name not in ("_embedded", "metadata")}
    found = from_fields((name, name, "", value) for part in (rest, said["_embedded"], further, numbers) for name, value in _flat(part))
    found.metadata = {**found.metadata, **_marks(given)}
    return found


def _objects(value: Any) -> list[dict[str, Any]]:
    rows = value if isinstance(value, list) else [value]
    return [dict(row) for row in rows[:MOST_FIELDS] if isinstance(row, Mapping)]


def reach_of(person: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Phones and e-mails of a contact or company, also where they are custom fields, named by code or by number."""
    phones, emails = _listed(person, "phones", "phone"), _listed(person, "emails", "email")
    for row in person.get("custom_fields_values") or ():
        code = str(row.get("field_code") or spoken.code_of(row.get("field_id"))).upper() if isinstance(row, Mapping) else ""
        if code in ("PHONE", "EMAIL"):
            values = [clean(value.get("value")) for value in row.get("values") or () if isinstance(value, Mapping)]
            (phones if code == "PHONE" else emails).extend(value for value in values if value)
    return phones, emails


def _listed(person: Mapping[str, Any], *names: str) -> list[str]:
    found = []
    for name in names:
        value = person.get(name)
        for one in value if isinstance(value, list) else [value]:
            text = clean(one.get("number") or one.get("address") or one.get("value")) if isinstance(one, Mapping) else clean(one)
            if text:
                found.append(text)
    return found


def phones_of(texts: Iterable[str]) -> list[dict[str, Any]]:
    """Phones as a contact keeps them."""
    return reaching.clean_phones({"number": text} for text in texts)


def emails_of(texts: Iterable[str]) -> list[dict[str, Any]]:
    """E-mails as a contact keeps them; what is none is left out."""
    kept: list[dict[str, Any]] = []
    for text in texts:
        try:
            kept += reaching.clean_emails([{"address": text}])
        except Invalid:
            continue
    return kept


def name_of(person: Mapping[str, Any]) -> str:
    """A person's name as it was given."""
    return clean(person.get("name")) or f"{clean(person.get('first_name'))} {clean(person.get('last_name'))}".strip()


def finish(found: Read) -> None:
    """The name in the list, and the keys of duplicates."""
    people, firms = found.contents.get("contacts") or [], found.contents.get("companies") or []
    phones: list[str] = []
    emails: list[str] = []
    for one in (*people[:5], *firms[:5]):
        more_phones, more_emails = reach_of(one)
        phones, emails = [*phones, *more_phones], [*emails, *more_emails]
    kept_phones, kept_emails = phones_of(phones), emails_of(emails)
    found.keys = reaching.keys_of(kept_phones, kept_emails)[:20]
    names = [name_of(people[0]) if people else "", clean(firms[0].get("name")) if firms else "", reaching.show_phone(kept_phones[0]["number"]) if kept_phones else "", kept_emails[0]["address"] if kept_emails else "", clean((found.contents.get("lead") or {}).get("name"))]
    found.name = next((name for name in names if name), "")[:250]
    if not found.message:
        found.message = _told(found.contents)


def _told(contents: Mapping[str, Any]) -> str:
    """What stands where a message would: the subject, or the first of what else was said."""
    title = clean((contents.get("lead") or {}).get("name"))
    return title or next((f"{label}: {value}" for label, value in contents.get("fields") or ()), "")
