"""What of a workspace travels in its archive: decided table by table; a test fails for a table or a secret nobody has decided on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from psycopg import sql

from tenants.carrying.tables import Table


@dataclass(frozen=True, slots=True)
class Travels:
    """Its rows are in the archive.

    `blanked`: columns that are not, with the SQL that fills them on arrival. `without`: columns of JSON, with the names in
    them that are left out. `folder`: columns with paths that begin with the workspace's own folder, which is left off.
    `derived`: made from the other tables, so of no use to people.
    """

    blanked: Mapping[str, str] = field(default_factory=dict)
    without: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    folder: tuple[str, ...] = ()
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Stays:
    """Its rows are not in the archive; `why` says it."""

    why: str


_WHOLE = Travels()
_SECRET = Stays("it lets people in")
_OWN = Stays("the new workspace has its own")
_WORK = Stays("work in progress, letters on their way: they would be done twice")

DECIDED: Mapping[str, Travels | Stays] = {
    "account_emailaddress": _WHOLE,
    "account_emailconfirmation": _SECRET,
    # Another firm's account, whose token is kept sealed while it moves in: a move that goes on where it arrives asks for it again.
    "amo_move": Travels(blanked={"token": "''"}),
    "amo_move_left": _WHOLE,
    "amo_moved": _WHOLE,
    "api_token": _SECRET,
    "api_stored": _WHOLE,
    "archive_run": Stays("archives of here lie here"),
    "attachment": Travels(folder=("path",)),
    "company": _WHOLE,
    "contact": _WHOLE,
    "counter": _WHOLE,
    "custom_field": _WHOLE,
    "deal": _WHOLE,
    "deal_contact": _WHOLE,
    "deal_line": _WHOLE,
    "django_migrations": _OWN,
    "django_session": _SECRET,
    "employment": _WHOLE,
    "event": _WHOLE,
    "field_index": Travels(derived=True),
    "held_lead": Stays("sealed with the platform's key: it is opened here, once the plan is paid"),
    "import_row": _WHOLE,
    "import_run": _WHOLE,
    "integration": Stays("its id, secret and tokens lead to the workspace here"),
    "integration_grant": _SECRET,
    "incoming_lead": _WHOLE,
    "inbox_message": _WORK,
    "job": _WORK,
    # A source's key and secret open the door of here: where it arrives it gets new ones, and says so by having none.
    "lead_form": _WHOLE,
    "lead_line": _WHOLE,
    "lead_rule": _WHOLE,
    "lead_source": Travels(blanked={"key_digest": "replace(gen_random_uuid()::text, '-', '')"}, without={"settings": ("key", "secret")}),
    "letter": _WORK,
    "lost_reason": _WHOLE,
    "mfa_authenticator": _SECRET,
    "note": _WHOLE,
    "outbound_delivery": _WORK,
    "outbound_hook": Stays("its secret is sealed with the platform's key, and two workspaces would tell one receiver the same"),
    "people_group": _WHOLE,
    # Nobody's password: each person gets one that opens nothing, and a letter.
    "person": Travels(blanked={"password": "'!' || replace(gen_random_uuid()::text, '-', '')"}),
    "pipeline": _WHOLE,
    "preferences": _WHOLE,
    "product": _WHOLE,
    "role": _WHOLE,
    "saved_view": _WHOLE,
    "search_row": Travels(derived=True),
    "seat_choice": _WHOLE,
    "seat_day": _WHOLE,
    "seat_pending": Stays("it waits for a payment of here"),
    "seat_place": Stays("it says who is at work here now"),
    "seat_request": Stays("who asked to be let in here was answered here"),
    "stage": _WHOLE,
    "tag": _WHOLE,
    "task": _WHOLE,
    "usersessions_usersession": _SECRET,
    "workspace_state": _OWN,
}

# What smells of a secret, and what smells so and is none: what a sender calls its lead, the name of a stored thing.
SMELLS = re.compile(r"pass(word|wd)|secret|token|digest|(^|_)key($|_)|session|totp|otp|recover|credential|private|cookie|hash|seal|nonce|signature", re.IGNORECASE)
HARMLESS = frozenset({"sort_key", "password_changed_at", "sender_key", "key"})
# What smells of a file, and what of it is named in FILES or is none.
FILES_SMELL = re.compile(r"path|file|upload|blob|storage", re.IGNORECASE)
NAMED_FILES = frozenset({("attachment", "path"), ("import_run", "path"), ("import_run", "file_name")})

# The files that rows name, by their path within the workspace's folder. One statement for each table.
FILES: Mapping[str, str] = {
    "attachment": "SELECT {path} AS path, name, size, sha256 FROM attachment",
    # Files of imports are kept until the import has run.
    "import_run": "SELECT 'imports/' || path AS path, file_name AS name, size, '' AS sha256 FROM import_run WHERE stage IN ('uploaded', 'mapped', 'running')",
}
# What settings.json tells: the tables that are choices rather than data.
SETTINGS = ("preferences", "people_group", "role", "pipeline", "stage", "lost_reason", "custom_field", "tag", "saved_view")


class Undecided(RuntimeError):
    """A table that nobody has decided on: a mistake of ours, found by a test before a release."""


def travelling(found: list[Table]) -> list[Table]:
    """Those of a schema's tables whose rows are in the archive, with the columns that are. Raises Undecided."""
    if undecided := [table.name for table in found if table.name not in DECIDED]:
        raise Undecided(", ".join(undecided))
    return [_without_blanked(table, decision) for table in found if isinstance(decision := DECIDED[table.name], Travels)]


def _without_blanked(table: Table, decision: Travels) -> Table:
    return Table(table.name, tuple(column for column in table.columns if column.name not in decision.blanked), table.key)


def of(name: str) -> Travels:
    """What was decided on a table that travels."""
    decision = DECIDED[name]
    assert isinstance(decision, Travels)  # noqa: S101 (asked of what `travelling` gave)
    return decision


def relative(column: str) -> sql.Composed:
    """A path without the workspace's own folder ("<public id>/<generation>/")."""
    return sql.SQL("regexp_replace({}, '^[a-z0-9]+/[0-9]+/', '')").format(sql.Identifier(column))


def _read(table: str, name: str) -> sql.Composable:
    """A column as the archive holds it."""
    decision = of(table)
    if name in decision.folder:
        return relative(name)
    return without_secrets(table, name) if name in decision.without else sql.Identifier(name)


def without_secrets(table: str, name: str) -> sql.Composed:
    """A column of JSON less the names that stay behind."""
    return sql.SQL("({} - {}::text[])").format(sql.Identifier(name), sql.Literal(list(of(table).without[name])))


def written(table: Table, *, names: tuple[str, ...] | None = None) -> sql.Composed:
    """A row as the archive holds it, for a SELECT: the columns sorted, paths without the workspace's folder, choices without their secrets."""
    return sql.SQL(", ").join([sql.SQL("{} AS {}").format(_read(table.name, name), sql.Identifier(name)) for name in names or table.sorted_names])


def compared(table: Table, *, names: tuple[str, ...] | None = None) -> sql.Composed:
    """The same for a sum, where columns have no names."""
    return sql.SQL(", ").join([_read(table.name, name) for name in names or table.sorted_names])


def named_files() -> sql.Composed:
    """All files that rows name, each path once, in the order of their bytes."""
    each = [sql.SQL(statement).format(path=relative("path")) for statement in FILES.values()]
    return sql.SQL('SELECT DISTINCT ON (path COLLATE "C") path, name, size, sha256 FROM ({}) AS named ORDER BY path COLLATE "C"').format(sql.SQL(" UNION ALL ").join(each))
