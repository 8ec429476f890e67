"""The rules of SQL in Python source: found in literals, not in sentences."""

from __future__ import annotations

import pytest
from django.conf import settings

from crm_platform.db.rules import sources


def _codes(text: str) -> set[str]:
    return {found.code for found in sources.of_source("some/slice/services.py", text)}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('"UPDATE deal SET rank = random()"', "volatile"),
        ('"update deal set rank = nextval(%s) where id = %s"', "volatile"),
        ('"INSERT INTO tag (name) VALUES ((SELECT max(name) FROM tag))"', "sub-select"),
        ('"WITH x AS (INSERT INTO tag (name) VALUES (%s) RETURNING (SELECT 1)) SELECT * FROM x"', "sub-select"),
        ('f"INSERT INTO {table} (name) SELECT %s WHERE NOT EXISTS (SELECT 1 FROM {table})"', "not-exists"),
        ('"MERGE INTO tag USING other ON true WHEN MATCHED THEN DELETE"', "merge"),
        ('"CREATE TRIGGER t BEFORE INSERT ON tag FOR EACH ROW EXECUTE FUNCTION f()"', "trigger"),
        ('"DO $$ BEGIN PERFORM 1; END $$"', "top-level"),
        ('"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$"', "top-level"),
        ('"SELECT reltuples FROM pg_class"', "size"),
        ('"""\n  SELECT setval(%s, (SELECT max(id) FROM tag))\n"""', "setval"),
        ('"SET LOCAL lock_timeout = 2000"', "setting"),
    ],
)  # fmt: skip
def test_statements_in_the_program(text: str, code: str) -> None:
    assert _codes(f"ask({text})") == {code}


@pytest.mark.parametrize(
    "text",
    [
        'ask("UPDATE deal SET rank = %s, at = now() WHERE id = (SELECT 1)")',
        'ask("INSERT INTO tag (name) VALUES (%s) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id")',
        'ask("SELECT id FROM deal WHERE id = %s FOR UPDATE")',
        'say("Update the deal, set a random (or any) reason")',
        'say("Merge into another contact")',
        '"""UPDATE deal SET rank = random() is what we never do."""',
    ],
)
def test_sentences_and_good_statements_pass(text: str) -> None:
    assert _codes(text) == set()


def test_a_finding_names_file_and_line() -> None:
    [found] = sources.of_source("some/slice/services.py", '\n\nask("SELECT reltuples FROM pg_class")')
    assert str(found).startswith("some/slice/services.py:3: SQL 'SELECT reltuples FROM pg_class'")


def test_what_is_let_off_is_there_and_has_a_reason() -> None:
    for path, reason in sources.ALLOWED.items():
        assert (settings.ROOT / path).exists(), path
        assert reason
