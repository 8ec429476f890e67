"""People whom a table calls responsible: found by name or e-mail; an unknown one becomes a person without access."""

from __future__ import annotations

from collections.abc import Iterable

from crm_platform.accounts import directory
from crm_platform.accounts import services as accounts

from .kinds import Batch


def people_of(batch: Batch, names: Iterable[str]) -> dict[str, int]:
    """Folded name → id for each name among the rows."""
    wanted = {name.casefold(): name for name in names if name.strip()}
    if not wanted:
        return {}
    known: dict[str, int] = {}
    for person in reversed([person for person in directory.everyone().values() if not directory.gone(person)]):
        known[person.name.casefold()] = person.pk
        if person.email:
            known[person.email.casefold()] = person.pk
    for folded, name in wanted.items():
        if folded not in known:
            known[folded] = accounts.add_without_access(batch.actor, name=" ".join(name.split())).pk
            batch.count("people")
    return {folded: known[folded] for folded in wanted}
