"""Log lines: inside a workspace each names it; none holds what people typed."""

from __future__ import annotations

import json
import logging
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection

from crm_platform.db import sides
from crm_platform.jobs import serving
from crm_platform.jobs.models import Job
from crm_platform.jobs.turns import Turn
from crm_platform.kernel import jobs, neighbours, workspace
from crm_platform.kernel.http.logs import JsonLines, bare
from tenants.lifecycle import states, suspending, telling


class Kept(logging.Handler):
    """Every line as it would be printed, and where we stood when it was written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        place = workspace.current()
        self.lines.append((place.public_id if place else "", json.loads(self.format(record))))


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler, root = Kept(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)


def test_lines_of_requests_and_jobs_name_their_workspace(doors, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_registry", dict(jobs._registry))

    @jobs.register("logs.writes")
    def writes(pk: int, *, lease: Any) -> None:
        logging.getLogger("kartoteka.test").info("working")
        with sides.unit(workspace.here()):
            logging.getLogger("kartoteka.test").info("in a unit")
        raise ValueError("olga@veldhuis.example")

    client = doors.client()
    for address in ("/board", "/contacts", "/contacts/999", "/search?q=olga", "/export/contact"):
        client.get(address)
    doors.client(email=None).post("/account/login/", {"login": "olga@veldhuis.example", "password": "no"})
    with doors.unit():
        Job.objects.all().delete()
        jobs.later("logs.writes", 1)
    serving.serve(Turn(doors.place.public_id, doors.place.generation, holder="test", long_work=False))
    said = [line for place, line in kept.lines if place or line["from"].startswith("kartoteka")]
    assert {"working", "in a unit", "a job failed", "served"} <= {line["says"] for line in said}
    for line in said:
        assert line.get("workspace") == doors.place.public_id, line
    assert "veldhuis.example" not in json.dumps([line for _place, line in kept.lines])


def test_the_line_of_a_closed_workspace_names_it(doors, kept: Kept) -> None:
    telling.tell(suspending.suspend(doors.place.public_id, level="closed", reason="unpaid", by=states.OPERATOR, operation=uuid.uuid4()))
    assert doors.client(email=None).get("/board").status_code == 403
    [line] = [line for _place, line in kept.lines if line["says"] == "served"]
    assert line["workspace"] == doors.place.public_id


def test_values_of_rows_and_addresses_are_left_out(doors, kept: Kept) -> None:
    with pytest.raises(IntegrityError) as caught, doors.unit(), connection.cursor() as cursor:
        cursor.execute('INSERT INTO people_group (name, "order") VALUES (%s, 1), (%s, 2)', ["".join(("Ol", "ga"))] * 2)
    logging.getLogger("kartoteka.test").error("failed for olga@veldhuis.example", exc_info=caught.value)
    [line] = [line for _place, line in kept.lines if line["says"].startswith("failed")]
    assert line["says"] == "failed for …@…"
    assert "UniqueViolation" in line["trace"]
    assert "Olga" not in line["trace"]


def test_what_is_no_address_stays() -> None:
    assert bare("served GET /contacts at 10:05, user@host without a dot… a = b@c") != ""
    assert bare("the job imports.run failed at row 3") == "the job imports.run failed at row 3"


def test_the_servers_own_log_holds_no_values(doors) -> None:
    """What people typed stands in the text of a statement and in the DETAIL of a refusal."""
    log = Path(os.environ.get("CRM_DATA", "")) / "logs" / "postgres.log"
    if not log.exists():
        pytest.skip("!! the database's server is given from outside: its log is its operator's !!")
    address = f"{uuid.uuid4().hex}@veldhuis.example"
    twice = "INSERT INTO account_emailaddress (email, verified, \"primary\", user_id) SELECT %s, false, false, p.id FROM person p, generate_series(1, 2)"
    with pytest.raises(IntegrityError), doors.unit(), connection.cursor() as cursor:
        cursor.execute(twice, [address])
    with doors.unit(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('log_error_verbosity'), current_setting('log_min_error_statement'), current_setting('log_min_duration_statement')")
        assert cursor.fetchall() == [("terse", "panic", "-1")]
    written = log.read_text()
    assert "duplicate key" in written
    assert address not in written


def test_a_slow_statement_is_told_without_its_values(doors, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "SLOW", 0.0)
    with doors.unit(), connection.cursor() as cursor:
        cursor.execute("SELECT id FROM person WHERE email = %s", ["olga@veldhuis.example"])
    told = [line for _place, line in kept.lines if line["says"] == "slow statement" and "FROM person" in line["statement"]]
    assert told[0]["statement"] == "SELECT id FROM person WHERE email = %s"
    assert "ms" in told[0]
