"""How a rollout may carry a migration out: as SQL rendered once and replayed in every workspace, or Django's way."""

from __future__ import annotations

from django.db.migrations import Migration, operations
from django.db.migrations.operations.base import Operation

# Operations whose SQL follows from the state alone. What is not known here may ask the database or run Python.
_PURE = (
    operations.CreateModel, operations.DeleteModel, operations.RenameModel, operations.AlterModelTable, operations.AlterModelTableComment,
    operations.AlterModelOptions, operations.AlterModelManagers, operations.AlterUniqueTogether, operations.AlterIndexTogether,
    operations.AlterOrderWithRespectTo, operations.AddField, operations.RemoveField, operations.AlterField, operations.RenameField,
    operations.AddIndex, operations.RemoveIndex, operations.RenameIndex, operations.AddConstraint, operations.RemoveConstraint, operations.RunSQL,
)  # fmt: skip


def is_pure_ddl(migration: Migration) -> bool:
    """Whether every operation can be rendered once to SQL and replayed per workspace, in one transaction."""
    return bool(migration.atomic) and all(_pure(operation) for operation in migration.operations)


def _pure(operation: Operation) -> bool:
    if isinstance(operation, operations.SeparateDatabaseAndState):
        return all(_pure(part) for part in operation.database_operations)
    # The class itself: a subclass of ours may do more than its parent, as AddIndexConcurrently does.
    return type(operation) in _PURE
