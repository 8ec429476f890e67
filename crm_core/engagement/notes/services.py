"""Verbs of notes: they stand on records, and follow the records' rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records import registry, writing
from crm_core.groundwork.records.registry import Kind
from crm_platform.db.prepared import Prepared
from crm_platform.events.backbone import Change, emit, emit_all
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Invalid, NotFound
from crm_platform.kernel.permissions import Actor, refusal

from .models import Note

LONGEST = 20_000
_STANDING = Prepared(Note, lambda entity, pk, pks: Note.objects.filter(Q(entity=entity, record_id=pk, pinned=True) | Q(pk__among=pks), binned_at=None).order_by("-id"))


def add(actor: Actor, *, entity: str, pk: int, text: str, pinned: bool = False) -> Note:
    """Write on a record the actor may see and whose role may edit something. Raises Invalid for an empty or endless text."""
    kind = registry.find(entity)
    record = writing.get(actor, kind, pk)
    _may_write(actor)
    text = _clean(text)
    note = Note.objects.create(entity=entity, record_id=pk, text=text, pinned=pinned, created_by=actor.user_id)
    emit(actor, "note.added", entity="note", record_id=note.pk, after={"text": text}, also=[f"{entity}:{pk}", *kind.subjects(record)])
    return note


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A note that a program brings: on which record, what people read, what it is, and when and by whom it was said if not now by the actor."""

    entity: str
    record: Any
    text: str
    kind: str = "common"
    params: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    created_by: int | None = None


def add_said(actor: Actor, rows: Sequence[Said]) -> list[Note]:
    """Write what programs bring on records that the actor may see, in a constant number of statements; all of them or none. Raises Invalid."""
    _may_write(actor)
    now = clock.now()
    made = [
        Note(
            entity=row.entity, record_id=row.record.pk, text=text, kind=row.kind[:40], params=dict(row.params), created_at=row.created_at or now,
            created_by=row.created_by if row.created_by is not None else actor.user_id,
        )
        for row, text in zip(rows, _cleaned(rows), strict=True)
    ]  # fmt: skip
    Note.objects.bulk_create(made)
    emit_all(actor, [
        Change(
            name="note.added", entity="note", record_id=note.pk, after={"text": note.text, "kind": note.kind},
            also=(f"{row.entity}:{row.record.pk}", *registry.find(row.entity).subjects(row.record)),
        )
        for note, row in zip(made, rows, strict=True)
    ])  # fmt: skip
    return made


def _cleaned(rows: Sequence[Said]) -> list[str]:
    """Their texts. Raises Invalid, which says in which row."""
    texts = []
    for at, row in enumerate(rows):
        try:
            texts.append(_clean(row.text))
        except Invalid as refused:
            refused.at = at
            raise
    return texts


def add_many(actor: Actor, kind: Kind, rows: Sequence[tuple[Any, str]]) -> None:
    """Write on records that the actor has just made, in a constant number of statements. Raises Invalid for an endless text."""
    if not rows:
        return
    _may_write(actor)
    made = [Note(entity=kind.code, record_id=record.pk, text=_clean(text), created_by=actor.user_id) for record, text in rows]
    Note.objects.bulk_create(made)
    pairs = zip(made, rows, strict=True)
    emit_all(actor, [Change(name="note.added", entity="note", record_id=note.pk, after={"text": note.text}, also=(f"{kind.code}:{record.pk}", *kind.subjects(record))) for note, (record, _text) in pairs])


def add_once(actor: Actor, kind: Kind, record: Any, text: str) -> bool:
    """Write on a record unless the same stands there already; says whether it was written."""
    if not text.strip() or Note.objects.filter(entity=kind.code, record_id=record.pk, binned_at=None, text=text.strip()).exists():
        return False
    add_many(actor, kind, [(record, text)])
    return True


def _may_write(actor: Actor) -> None:
    if not actor.may_write:
        raise refusal(actor, "notes.create")


def _clean(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()  # a browser counts a line's end as one letter
    if not text:
        raise Invalid(fields={"text": [_("The note is empty.")]})
    if len(text) > LONGEST:
        raise Invalid(fields={"text": [str(_("At most {most} letters; this has {count}.")).format(most=LONGEST, count=len(text))]})
    return text


def get(actor: Actor, pk: int, *, gone: bool = False) -> Note:
    """A note on a record the actor may see, or (`gone`) one that was taken off; raises NotFound."""
    note = Note.objects.select_for_update().filter(pk=pk, binned_at__isnull=not gone).first()
    if note is None:
        raise NotFound
    writing.get(actor, registry.find(note.entity), note.record_id)
    return note


def _mine(actor: Actor, note: Note) -> None:
    if not is_mine(actor, note.created_by):
        raise refusal(actor, "notes.edit")


def is_mine(actor: Actor, author: int | None) -> bool:
    """Whether the actor may change and remove a note: one's own words are one's own; administrators may change all."""
    return actor.may_write and (actor.everything or author == actor.user_id)


def get_mine(actor: Actor, pk: int) -> Note:
    """A note the actor may change; raises NotFound, Forbidden."""
    note = get(actor, pk)
    _mine(actor, note)
    return note


def change(actor: Actor, pk: int, *, text: str, params: Mapping[str, Any] | None = None) -> Note:
    """Change one's own note, and what a program says of it; nothing happens where nothing differs."""
    note = get_mine(actor, pk)
    text = _clean(text)
    told = note.params if params is None else dict(params)
    if text == note.text and told == note.params:
        return note
    before, note.text, note.params, note.edited_at = note.text, text, told, clock.now()
    note.version += 1
    note.save()
    emit(actor, "note.changed", entity="note", record_id=pk, before={"text": before}, after={"text": note.text}, also=[f"{note.entity}:{note.record_id}"])
    return note


def pin(actor: Actor, pk: int) -> Note:
    """Keep a note on top, or no longer."""
    note = get(actor, pk)
    _may_write(actor)
    note.pinned = not note.pinned
    note.save(update_fields=["pinned"])
    emit(actor, "note.pinned" if note.pinned else "note.unpinned", entity="note", record_id=pk, also=[f"{note.entity}:{note.record_id}"])
    return note


def remove(actor: Actor, pk: int) -> Note:
    """Take one's own note off the card."""
    note = get(actor, pk)
    _mine(actor, note)
    note.binned_at, note.binned_by = clock.now(), actor.user_id
    note.save(update_fields=["binned_at", "binned_by"])
    emit(actor, "note.removed", entity="note", record_id=pk, before={"text": note.text}, also=[f"{note.entity}:{note.record_id}"])
    return note


def restore(actor: Actor, pk: int) -> Note:
    """Put a note that was taken off back on its card."""
    note = get(actor, pk, gone=True)
    _mine(actor, note)
    note.binned_at = note.binned_by = None
    note.save(update_fields=["binned_at", "binned_by"])
    emit(actor, "note.restored", entity="note", record_id=pk, also=[f"{note.entity}:{note.record_id}"])
    return note


def standing_on(entity: str, pk: int, *, told: Sequence[int]) -> list[Note]:
    """The notes that were not taken off, newest first: those pinned on a record, and those its history tells of."""
    return _STANDING.rows(entity=entity, pk=pk, pks=list(told))
