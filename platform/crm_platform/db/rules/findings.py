"""What a rule has to say: where, which operation, the rule in one sentence, and what to do instead."""

from __future__ import annotations

from dataclasses import dataclass

# code: (the rule, what to do instead)
RULES: dict[str, tuple[str, str]] = {
    # What Citus takes (tenancy.md section 8).
    "top-level": ("Citus does not distribute what DO blocks, functions, procedures and rules make or do.", "write plain statements, or do it in Python."),
    "trigger": ("Citus has no triggers on distributed tables.", "let the service do it, in the verb's transaction."),
    "identity": ("An identity is bigint from the table's creation and is never added or changed later.", "make the table with BigAutoField; a table without one is made anew beside the old."),
    "one-change": ("Citus takes one change per ALTER TABLE.", "give each change an operation of its own."),
    "inline": ("Citus takes no ADD COLUMN with a CHECK, UNIQUE or PRIMARY KEY in it.", "add a plain column (IntegerField, not Positive...), then the named constraint by AddConstraint."),
    "rename-constraint": ("Citus does not rename constraints.", "leave the name, or add a new constraint and remove the old."),
    "several": ("Citus takes one statement at a time.", "give RunSQL a list with one statement each; a column that gets NOT NULL needs a database default or a backfill, not an UPDATE beside it."),
    "merge": ("Citus refuses MERGE.", "use INSERT ... ON CONFLICT."),
    "volatile": ("Citus refuses an UPDATE with a volatile function.", "make the values in the program and give them as parameters."),
    "sub-select": ("Citus refuses a sub-select in VALUES, RETURNING or ON CONFLICT SET of an INSERT.", "select first, then give the values as parameters."),
    "not-exists": ("INSERT ... SELECT ... WHERE NOT EXISTS takes ids from a worker's range on Citus.", "use INSERT ... ON CONFLICT DO NOTHING."),
    "setval": ("Citus refuses setval with a sub-select.", "select the number first and give it as a constant."),
    "size": ("reltuples and the size functions of PostgreSQL fail or say 0 for a distributed table.", "count rows, or ask the control side's figures."),
    "setting": ("A setting of the transaction does not reach the workers of Citus.", "pass time zone, user and limits as parameters."),
    "shared-key": ("A workspace has no foreign key to another schema or to a table of the control side.", "keep the public id as a plain column."),
    # Expand, backfill, tighten.
    "mark": ("STEP is \"expand\", \"backfill\" or \"tighten\", and AFTER a name such as \"contacts.0004_contact_gets_rank\" or a tuple of them.", "write the marks so."),
    "after": ("A tighten step names in AFTER a migration it depends on, of an earlier release, that expanded or filled.", "expand (and fill) in this release, tighten in the next; name that migration in AFTER."),
    "needs-tighten": ("The previous release, which still serves, may break on this.", "expand now; in the next release a migration with STEP = \"tighten\" and AFTER = \"application.migration\" may do it."),
    "needs-backfill": ("NOT NULL, CHECK, UNIQUE, keys and narrower types come over existing rows only after a backfill of an earlier release.", "write a migration with STEP = \"backfill\" now and tighten in the next release, with AFTER naming it."),
    "still-used": ("The models of the previous release, which still serves, name this table or column in every statement.", "take it out of the state first: SeparateDatabaseAndState(state_operations=[...]), the column nullable or with a database default; drop it in the next release by RunSQL with STEP = \"tighten\"."),
    "rename": ("Of the previous and the new release, one would not find a renamed table or column.", "add a new one, write both, backfill, drop the old one two releases later; a class or field is renamed alone with db_table or db_column."),
    "new-column": ("The previous release does not know the new column, so that its INSERT fails on NOT NULL without a default in the database.", "use null=True or db_default=..."),
    "unmarked-data": ("Data is changed only by a migration that says so.", "move it into a migration of its own with STEP = \"backfill\"."),
    "data-beside-ddl": ("A backfill changes no table: locks of DDL would be held while rows are written.", "put the DDL into a migration before it."),
    "batches": ("A backfill is atomic or goes in batches that can be run again.", "leave atomic = True, or say BATCH = <rows a transaction> and commit after each."),
    "concurrently": ("An index made or dropped CONCURRENTLY stands in a migration of its own with atomic = False.", "move it; or use a plain AddIndex, the rollout sees to large tables."),
    "releases": ("releases.json names migrations that exist, one leaf per application.", "never rename or remove a released migration; merge leaves."),
    "unreadable": ("The SQL of this operation could not be rendered without a database.", "use Django's own operations or RunSQL."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """A refusal of one operation or statement."""

    where: str
    what: str
    code: str
    detail: str = ""

    def __str__(self) -> str:
        rule, instead = RULES[self.code]
        about = f" ({self.detail})" if self.detail else ""
        return f"{self.where}: {self.what}{about}: {rule} Instead: {instead} [{self.code}]"
