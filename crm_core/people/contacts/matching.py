"""Which contact a row of a table means: by our number, the number elsewhere, phone, e-mail, and by a name that only one has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from crm_core.groundwork.records.ordering import fold, sort_key
from crm_core.people import reaching

from .models import Contact, Employment


@dataclass(slots=True)
class Row:
    """What a row says: the values of the contact, its keys, our number and its company where it names them, and what is noted; `whole`: its name came in one piece."""

    values: dict[str, Any]
    keys: list[str]
    pk: int | None = None
    company: int | None = None
    note: str = ""
    whole: bool = False

    @property
    def name(self) -> str:
        """Both names in the order of a list."""
        return f"{self.values.get('last_name', '')} {self.values.get('first_name', '')}".strip()

    @property
    def sort_keys(self) -> list[str]:
        """Where such a name stands in the list: a name given in one piece may have been cut anywhere."""
        if not self.whole:
            return [sort_key(self.name)]
        words = _as_spoken(self).split()
        return [sort_key(" ".join((*words[at:], *words[:at]))) for at in range(min(len(words), 5))]

    @property
    def number(self) -> str:
        """The number elsewhere."""
        return str(self.values.get("external_id", ""))

    @property
    def twin_keys(self) -> list[str]:
        """What makes a second row of the same table the same person: its keys, without any its whole words."""
        own = [*self.keys, *([f"x:{self.number}"] if self.number else [])]
        return own or [f"n:{fold(self.name)}:{self.company}:{self.values.get('position', '')}"]


class Known:
    """The contacts that the rows of a batch may mean, in a handful of statements; each of them once."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._pool: dict[int, Contact] = {}
        self._by_number: dict[str, Contact] = {}
        self._by_key: dict[str, Contact] = {}
        self._by_name: dict[str, list[Contact]] = {}
        self._firms: dict[int, set[int]] = {}
        self._take(Contact.objects.filter(pk__in=[row.pk for row in rows if row.pk]), wanted=any(row.pk for row in rows))
        numbers = [row.number for row in rows if row.number]
        for contact in self._take(Contact.objects.filter(external_id__in=numbers), wanted=bool(numbers)):
            self._by_number[contact.external_id] = contact
        keys = [key for row in rows for key in row.keys]
        for contact in self._take(Contact.objects.filter(pk__in=reaching.with_keys(Contact, keys) if keys else []), wanted=bool(keys)):
            self._by_key.update(dict.fromkeys(contact.keys, contact))
        self._read_names([row for row in rows if row.name and self._by_stronger(row) is None])

    def _take(self, found: Any, *, wanted: bool) -> list[Contact]:
        """The newest first, so that of equals the oldest is kept."""
        return [self._pool.setdefault(contact.pk, contact) for contact in found.filter(binned_at=None).order_by("-id")] if wanted else []

    def _read_names(self, rows: Iterable[Row]) -> None:
        wanted = {key for row in rows for key in row.sort_keys}
        found = Contact.objects.filter(binned_at=None, sort_key__in=wanted).values_list("pk", flat=True) if wanted else ()
        pks = list(found)
        for contact in self._take(Contact.objects.filter(pk__in=pks), wanted=bool(pks)):
            self._by_name.setdefault(fold(contact.name), []).append(contact)
        for contact_id, company_id in Employment.objects.filter(contact__in=pks).values_list("contact_id", "company_id") if pks else ():
            self._firms.setdefault(contact_id, set()).add(company_id)

    def find(self, row: Row) -> Contact | None:
        """The contact the row means, or None."""
        return self._by_stronger(row) or self._named(row)

    def _by_stronger(self, row: Row) -> Contact | None:
        if row.pk in self._pool:
            return self._pool[row.pk]
        if row.number in self._by_number:
            return self._by_number[row.number]
        found = (self._by_key[key] for key in row.keys if key in self._by_key)
        return next((contact for contact in found if not other_number(row, contact.external_id)), None)

    def _named(self, row: Row) -> Contact | None:
        """By name only: exactly one has it, and nothing the row says speaks against it."""
        candidates = [contact for contact in self._by_name.get(fold(_as_spoken(row)), []) if not self._contradicts(row, contact)]
        there = [contact for contact in candidates if row.company in self._firms.get(contact.pk, ())]
        candidates = there or candidates
        if len(candidates) > 1 and row.values.get("position"):
            candidates = [contact for contact in candidates if contact.position == row.values["position"]]
        return candidates[0] if len(candidates) == 1 else None

    def _contradicts(self, row: Row, contact: Contact) -> bool:
        kinds = {key[0] for key in row.keys} & {key[0] for key in contact.keys}
        firms = self._firms.get(contact.pk, set())
        elsewhere = row.company is not None and bool(firms) and row.company not in firms
        return bool(kinds) or elsewhere or other_number(row, contact.external_id)


def _as_spoken(row: Row) -> str:
    return f"{row.values.get('first_name', '')} {row.values.get('last_name', '')}".strip()


def other_number(row: Row, number: str) -> bool:
    """Whether both have a number elsewhere, and not the same."""
    return bool(row.number and number and row.number != number)
