"""People whom a table calls responsible: found by name or e-mail; an unknown one becomes a person without access where the importer may add people."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm_platform.accounts import directory
from crm_platform.accounts import services as accounts
from crm_platform.accounts.models import Access, User
from crm_platform.accounts.roles import PEOPLE as RIGHTS
from crm_platform.kernel.permissions import Action, Actor, may
from crm_platform.ui.markup import figure

from .kinds import Batch
from .names import Found, Names
from .parsing import BadCell


def people_of(batch: Batch, names: Iterable[str]) -> dict[str, int]:
    """Folded name → id for each name among the rows; raises BadCell."""
    wanted = {name.casefold(): name for name in names if name.strip()}
    if not wanted:
        return {}
    known = {key: person.pk for key, person in _everyone().items()}
    may_write_down = may_add(batch.actor)
    for folded, name in wanted.items():
        if folded not in known and not may_write_down:
            raise BadCell(_("There is no person “%(name)s”; an administrator can add one.") % {"name": name[:60]})
        if folded not in known:
            known[folded] = accounts.add_without_access(batch.actor, name=" ".join(name.split())).pk
            batch.count("people")
    if may_write_down:
        _list_again(batch, {known[folded] for folded in wanted})
    return {folded: known[folded] for folded in wanted}


def _everyone() -> dict[str, User]:
    """People by folded name and e-mail; those who left come first, so that whoever is here wins: old records keep the name of who had them."""
    known: dict[str, User] = {}
    everyone = directory.everyone().values()
    for person in reversed([*(one for one in everyone if not directory.gone(one)), *(one for one in everyone if directory.gone(one))]):
        known[person.name.casefold()] = person
        if person.email:
            known[person.email.casefold()] = person
    return known


def may_add(actor: Actor) -> bool:
    """As on the page of people: who may not invite there writes nobody down here, and puts nobody back on the list."""
    return may(actor, RIGHTS.right(Action.EDIT))


def _told(found: Found) -> str:
    figures = {"n": figure(found.names), "known": figure(found.known), "new": figure(found.new)}
    if not found.new:
        return ngettext("%(n)s name, of a person here", "%(n)s names, all of people here", found.names) % figures
    if found.adds:
        return ngettext("%(n)s name: %(known)s here, %(new)s comes as a person without access", "%(n)s names: %(known)s here, %(new)s come as people without access", found.names) % figures
    return ngettext("%(n)s name: %(known)s here; rows with the other are errors", "%(n)s names: %(known)s here; rows with the other %(new)s are errors", found.names) % figures


PEOPLE = Names(str.casefold, lambda names, mapped: {key: [person.name] for key, person in _everyone().items()}, _told, adds=lambda actor, choices: may_add(actor))


def _list_again(batch: Batch, pks: set[int]) -> None:
    """Whom an undo took off the list stands in it again."""
    everyone = directory.everyone()
    for pk in pks:
        person = everyone.get(pk)
        if person is not None and person.access == Access.NONE and person.deactivated_at is not None:
            accounts.list_again(batch.actor, pk=pk)
            batch.count("people")
