"""The template script is joined from what the migrations sent, and proved to be no other schema than theirs."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError

from crm_platform.db import sides
from tenants.models import State, Workspace
from tenants.provisioning import joining, owner, pool, template

BOOK = 'CREATE TABLE "book" ("id" bigint NOT NULL PRIMARY KEY)'
SHELF = 'CREATE TABLE "shelf" ("id" bigint NOT NULL PRIMARY KEY)'


@pytest.fixture(scope="module")
def mould(house: None, django_db_blocker: Any) -> tuple[list[str], dict[str, list[str]]]:
    with django_db_blocker.unblock():
        statements = template.migrated()
        with owner.seated():
            return statements, owner.holds(template.settings.TEMPLATE_SCHEMA)


def test_what_comes_to_a_table_later_is_said_at_once_and_tables_stand_in_the_order_of_their_keys() -> None:
    found = joining.joined([
        BOOK,
        'ALTER TABLE "book" ADD COLUMN "pages" integer DEFAULT 0 NOT NULL',
        SHELF,
        'ALTER TABLE "book" ADD COLUMN "shelf_id" bigint NULL CONSTRAINT "fk" REFERENCES "shelf"("id") DEFERRABLE INITIALLY DEFERRED; SET CONSTRAINTS "fk" IMMEDIATE',
        'ALTER TABLE "book" ADD CONSTRAINT "thick" CHECK ("pages" >= 0)',
    ])  # fmt: skip
    assert found == [
        SHELF,
        f'{BOOK[:-1]}, "pages" integer DEFAULT 0 NOT NULL, "shelf_id" bigint NULL CONSTRAINT "fk" REFERENCES "shelf"("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "thick" CHECK ("pages" >= 0))',
    ]


def test_of_two_tables_that_name_each_other_one_key_comes_later() -> None:
    there = 'ALTER TABLE "book" ADD CONSTRAINT "b" FOREIGN KEY ("shelf_id") REFERENCES "shelf" ("id")'
    back = 'ALTER TABLE "shelf" ADD CONSTRAINT "s" FOREIGN KEY ("book_id") REFERENCES "book" ("id")'
    found = joining.joined([BOOK, SHELF, there, back])
    assert (found[0], found[-1], len(found)) == (SHELF, back, 3)


def test_what_is_not_known_ends_the_joining_for_its_table_alone() -> None:
    strange, column = 'ALTER TABLE "book" RENAME COLUMN "id" TO "number"', 'ALTER TABLE "{}" ADD COLUMN "more" text NULL'
    found = joining.joined([BOOK, SHELF, strange, column.format("book"), column.format("shelf")])
    assert found == [BOOK, f'{SHELF[:-1]}, "more" text NULL)', strange, column.format("book")]


def test_a_unique_behind_an_index_keeps_its_place_and_a_dropped_index_is_not_made() -> None:
    index, unique = 'CREATE INDEX "first" ON "book" ("id")', 'ALTER TABLE "book" ADD CONSTRAINT "second" UNIQUE ("id")'
    assert joining.joined([BOOK, index, unique]) == [BOOK, index, unique]
    assert joining.joined([BOOK, index, 'DROP INDEX IF EXISTS "first"']) == [BOOK]


def test_rows_of_one_table_are_one_insert_and_keep_their_order_with_all_that_names_it() -> None:
    row = "INSERT INTO \"book\" (\"id\") VALUES ({}) RETURNING \"book\".\"id\""
    found = joining.joined([BOOK, row.format("'a) RETURNING'"), row.format(2), 'DELETE FROM "book" WHERE "id" = 1', row.format(3)])
    assert found == [BOOK, "INSERT INTO \"book\" (\"id\") VALUES ('a) RETURNING'), (2)", 'DELETE FROM "book" WHERE "id" = 1', 'INSERT INTO "book" ("id") VALUES (3)']


def test_the_joined_script_is_the_one_that_is_kept(mould, public) -> None:
    statements, holds = mould
    script = template._shortest(statements, holds)
    assert script == template._script(joining.joined(statements))
    assert len(joining.joined(statements)) < 0.6 * len(statements)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ('ALTER TABLE "note" ALTER "text" SET STORAGE EXTERNAL', "column note.text"),
        ('ALTER TABLE "note" ADD "extra" bigint; ALTER TABLE "note" DROP "id" CASCADE', "note.id"),
        ("COMMENT ON TABLE note IS 'x'", "comment note"),
        ('ALTER TABLE "note" ALTER "id" SET INCREMENT 2', "counter note_id_seq"),
        ('ALTER TABLE "note" SET (fillfactor = 50)', "kept note"),
        ('DROP INDEX "note_of_record"; CREATE INDEX "other" ON "note" ("id"); CREATE INDEX "note_of_record" ON "note" ("entity", "record_id"); DROP INDEX "other"', ""),
        ('DROP INDEX "company_by_name"; CREATE INDEX "company_by_name" ON "company" ("sort_key", "id") WHERE ("binned_at" IS NULL)', "place of company_by_name"),
        ('CREATE TABLE "without_rights" ("id" bigint)', "without_rights"),
        ("nonsense", "nonsense"),
    ],
)
def test_whatever_the_script_makes_otherwise_is_found(mould, public, more: str, named: str) -> None:
    statements, holds = mould
    script = template._script([*joining.joined(statements), more])
    if not named:
        template._prove(script, holds)
        return
    with pytest.raises(template.ScriptDiffers, match=named):
        template._prove(script, holds)


def test_a_right_that_is_missing_is_found(mould, public) -> None:
    statements, holds = mould
    fewer = {**holds, "tables": [name for name in holds["tables"] if name != "note"]}
    with pytest.raises(template.ScriptDiffers, match="rights on note"):
        template._prove(template._script(statements), fewer)


def test_what_cannot_be_joined_is_replayed_as_it_was_recorded(mould, public) -> None:
    statements, holds = mould
    with mock.patch.object(joining, "joined", return_value=[*statements, 'ALTER TABLE "note" ADD "wrong" bigint']):
        assert template._shortest(statements, holds) == template._script(statements)


def test_the_role_of_what_was_made_has_all_rights_by_name_and_of_an_older_script_too(public) -> None:
    script = template.current()
    assert "ON ALL TABLES" not in owner.rights("w_a", script.holds).as_string(None)
    older = template.TemplateScript(version=script.version, script=script.script, holds={})
    for kind in (script, older):
        name = pool.make(kind, state=State.SPARE)
        with owner.direct() as connection:
            assert connection.execute(template._WITHOUT_RIGHTS, {"schema": name, "role": name}).fetchall() == []
        _discard(name)


def test_several_are_made_by_two_hands_and_an_error_of_one_is_said() -> None:
    made: list[tuple[int, str]] = []
    with mock.patch.object(pool.connections, "close_all"):
        pool._by_hands(7, lambda number: made.append((number, template.ids.random_id(4))))
    assert sorted(number for number, _name in made) == list(range(7))

    def fail(number: int) -> None:
        if number == 3:
            raise OperationalError("gone")

    with mock.patch.object(pool.connections, "close_all"), pytest.raises(OperationalError):
        pool._by_hands(7, fail)


def test_two_hands_fill_the_pool(public) -> None:
    version = template.current().version
    wanted = pool.ready(version=version) + 5
    assert pool.fill(to=wanted) == 5
    assert pool.ready(version=version) == wanted


def _discard(name: str) -> None:
    with sides.control_unit():
        row = Workspace.objects.get(schema_name=name)
    pool.discard(row)
