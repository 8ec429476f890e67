"""One migration before all rules: its SQL before those of Citus, its steps before those of order."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db.migrations import Migration
from django.db.migrations.operations import RunPython, RunSQL
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from . import order, reading, statements
from .findings import Finding
from .releases import Key, Marks, Past
from .rendering import Rendered, control_tables, inside_workspaces, rendered


def judge(migration: Migration, state: ProjectState, past: Past, marks: Marks | None = None) -> list[Finding]:
    """What is wrong with a migration; `state` is that of before it, and becomes that of after. `marks` stand in for the module's."""
    where, marks = _file(migration), marks or Marks.of(migration)
    release = past.release_of((migration.app_label, migration.name))
    course = order.Course(past, release, marks)
    codes = list(_of_marks(migration, course)) if marks.readable() else ["mark"]
    found = [Finding(where, "the migration", code) for code in codes]
    forbidden = control_tables() if inside_workspaces(migration.app_label) else None
    course.may_tighten = marks.step == "tighten" and not codes
    course.has_backfill = course.may_tighten and any(_marks_of(past, key).step == "backfill" for key in marks.follows())
    try:
        for step in rendered(migration, state):
            codes = list(dict.fromkeys(_of_step(step, migration, course, forbidden)))
            found += [Finding(where, _name(step.operation), code) for code in codes]
    except Exception as error:  # whatever an operation of someone's own does without a database
        found.append(Finding(where, "the migration", "unreadable", repr(error)[:200]))
    return found


def _file(migration: Migration) -> str:
    module = sys.modules.get(type(migration).__module__)
    file = Path(str(getattr(module, "__file__", None)))
    if file.stem == migration.name and file.is_relative_to(settings.ROOT):
        return str(file.relative_to(settings.ROOT))
    return f"{migration.app_label}.{migration.name}"


def _name(operation: Operation) -> str:
    if isinstance(operation, RunSQL):
        return f"RunSQL {str(operation.sql)[:70]!r}"
    if isinstance(operation, RunPython):
        return f"RunPython {getattr(operation.code, '__name__', '')}"
    return f"{type(operation).__name__}, {str(operation.describe())[:90]!r}"


def _marks_of(past: Past, key: Key) -> Marks:
    return Marks.of(past.loader.graph.nodes[key])


def _of_marks(migration: Migration, course: order.Course) -> Iterator[str]:
    """Whether the migration may be the step that it says it is."""
    marks, past = course.marks, course.past
    before = past.before(migration) if marks.after else set()
    late = [key for key in marks.follows() if key not in before or past.release_of(key) >= course.release or _marks_of(past, key).step == "tighten"]
    if marks.step == "tighten" and (late or not marks.after):
        yield "after"
    if marks.step == "backfill" and not migration.atomic and not marks.batch:
        yield "batches"


def _of_step(step: Rendered, migration: Migration, course: order.Course, forbidden: set[str] | None) -> Iterator[str]:
    ordered = course.release > 0  # nothing served before the first release
    if step.texts is None:
        yield from order.of_python(course) if ordered else ()
        return
    for text in step.texts:
        if forbidden is not None and statements.several(text):
            yield "several"
        for statement in reading.statements(text):
            if order.concurrent(statement) and (migration.atomic or len(migration.operations) > 1):
                yield "concurrently"
            if forbidden is not None:
                yield from statements.of_ddl(statement, forbidden)
            if ordered:
                yield from order.of_statement(course, statement, widened=step.widened)
