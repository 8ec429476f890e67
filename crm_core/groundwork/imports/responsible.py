"""People whom a table calls responsible: found by name or e-mail; an unknown one becomes a person without access where the importer may add people."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from crm_platform.accounts import directory
from crm_platform.accounts import services as accounts
from crm_platform.accounts.models import Access
from crm_platform.accounts.roles import PEOPLE
from crm_platform.kernel.permissions import Action, may

from .kinds import Batch
from .parsing import BadCell


def people_of(batch: Batch, names: Iterable[str]) -> dict[str, int]:
    """Folded name → id for each name among the rows; raises BadCell."""
    wanted = {name.casefold(): name for name in names if name.strip()}
    if not wanted:
        return {}
    known: dict[str, int] = {}
    # Those who left come first, so that whoever is here wins: old records keep the name of who had them.
    everyone = directory.everyone().values()
    for person in reversed([*(one for one in everyone if not directory.gone(one)), *(one for one in everyone if directory.gone(one))]):
        known[person.name.casefold()] = person.pk
        if person.email:
            known[person.email.casefold()] = person.pk
    # As on the page of people: who may not invite there writes nobody down here, and puts nobody back on the list.
    may_write_down = may(batch.actor, PEOPLE.right(Action.EDIT))
    for folded, name in wanted.items():
        if folded not in known and not may_write_down:
            raise BadCell(_("There is no person “%(name)s”; an administrator can add one.") % {"name": name[:60]})
        if folded not in known:
            known[folded] = accounts.add_without_access(batch.actor, name=" ".join(name.split())).pk
            batch.count("people")
    if may_write_down:
        _list_again(batch, {known[folded] for folded in wanted})
    return {folded: known[folded] for folded in wanted}


def _list_again(batch: Batch, pks: set[int]) -> None:
    """Whom an undo took off the list stands in it again."""
    everyone = directory.everyone()
    for pk in pks:
        person = everyone.get(pk)
        if person is not None and person.access == Access.NONE and person.deactivated_at is not None:
            accounts.list_again(batch.actor, pk=pk)
            batch.count("people")
