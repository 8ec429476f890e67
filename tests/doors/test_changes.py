"""The feed of changes never loses an event, whoever writes while it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connections

from crm_core.doors.amocrm.resources import changes
from crm_core.sales.deals import services as deals
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot
from tests.doors.conftest import Program, program_of
from tests.doors.test_records import made
from tests.factories.cast import person


def told(api: Program, since: str = "") -> tuple[list[str], str, bool]:
    body = api.get(f"changes?since={since}").json()
    return [row["type"] for row in body["_embedded"]["changes"]], body["cursor"], body["more"]


def test_a_program_goes_on_where_it_stopped(api: Program) -> None:
    _names, start, more = told(api)
    assert not more
    (pk,) = made(api, "leads", {"name": "A"})
    api.patch(f"leads/{pk}", {"price": 5})
    names, cursor, more = told(api, start)
    assert (names, more) == (["deal.created", "deal.changed"], False)
    assert told(api, cursor) == ([], cursor, False)
    first = api.get(f"changes?since={start}&limit=1").json()
    assert (len(first["_embedded"]["changes"]), first["more"]) == (1, True)
    assert first["_embedded"]["changes"][0].keys() >= {"id", "type", "entity_type", "entity_id", "created_at", "before", "after"}
    assert told(api, first["cursor"])[0] == ["deal.changed"]
    assert "deal.created" in told(api, "2020-01-01T00:00:00Z")[0]
    assert told(api, "2099-01-01T00:00:00Z")[0] == []
    assert api.get("changes?since=yesterday").status_code == 400


def slow_writer(doors: Any) -> Callable[[], None]:
    """Somebody makes a deal and has not committed it: what is returned lets them, and waits until they have."""
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with sides.unit(doors.place):
            deals.create_deal(robot("slow"), name="slow")
            begun.set()
            go_on.wait(20)
        connections.close_all()

    writer = threading.Thread(target=slow)
    writer.start()
    assert begun.wait(20)

    def commit() -> None:
        go_on.set()
        writer.join()

    return commit


def test_what_is_committed_late_is_not_skipped(api: Program, doors) -> None:
    _names, start, _more = told(api)
    commit = slow_writer(doors)
    made(api, "leads", {"name": "quick"})  # its event has a larger number, and is there first
    early = told(api, start)
    commit()
    names, cursor, _more = told(api, early[1])
    found = early[0] + names
    assert (early[0], early[2]) == ([], True)
    assert found.count("deal.created") == 2
    assert told(api, cursor)[0] == []


def test_from_a_moment_on_nothing_is_skipped_that_is_committed_late(api: Program, doors) -> None:
    made(api, "leads", {"name": "before"})
    with doors.unit():
        Event.objects.update(at=clock.now() - timedelta(hours=1))
    moment = clock.now().isoformat().replace("+00:00", "Z")
    commit = slow_writer(doors)
    made(api, "leads", {"name": "quick"})
    _names, cursor, _more = told(api, moment)
    commit()
    body = api.get(f"changes?since={cursor}").json()
    assert [row["after"]["name"] for row in body["_embedded"]["changes"] if row["type"] == "deal.created"][-2:] == ["slow", "quick"]


def test_a_gap_that_stays_holds_nobody_up(api: Program, doors, monkeypatch: Any) -> None:
    _names, start, _more = told(api)
    try:
        with sides.unit(doors.place):
            deals.create_deal(robot("test"), name="rolled back")
            raise KeyError
    except KeyError:
        pass
    made(api, "leads", {"name": "A"})
    monkeypatch.setattr(changes, "_SETTLES_IN", -changes._SETTLES_IN)
    assert told(api, start)[0] == ["deal.created"]


def test_rights_count_for_the_feed(api: Program, doors, make_door) -> None:
    with doors.unit():
        sam, vera = person("seller", name="Sam").email, person("viewer", name="Vera").email
    (pk,) = made(api, "leads", {"name": "the owner's"})
    (own,) = made(program_of(doors, sam), "leads", {"name": "Sam's"})

    def leads(program: Program) -> set[int]:
        return {row["entity_id"] for row in program.get("changes").json()["_embedded"]["changes"] if row["entity_type"] == "leads"}

    assert leads(api) == {pk, own}
    assert leads(program_of(doors, vera)) == {pk, own}
    assert leads(program_of(doors, sam)) == {own}
    assert leads(program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example"))) == set()
