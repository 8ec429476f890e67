"""Who asks for one more at once than its share waits a moment for it, as long as that keeps no thread from the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from crm_platform.kernel import neighbours


@pytest.fixture(autouse=True)
def alone(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Eight threads, six for one; patience beyond every test."""
    settings.CRM_WEB_THREADS, settings.CRM_REQUESTS_AT_ONCE = 8, 6
    monkeypatch.setattr(neighbours, "PATIENCE", 30.0)
    with neighbours.forgotten():
        yield


def full(key: str = "a") -> None:
    for _ in range(6):
        neighbours.arrive(key)


class Request(threading.Thread):
    """One of a workspace, in a thread of its own; `came` is what became of it."""

    def __init__(self, key: str = "a", then: Callable[[], None] = lambda: None) -> None:
        super().__init__(daemon=True)
        self.key, self.then, self.came = key, then, ""
        self.start()

    def run(self) -> None:
        try:
            neighbours.arrive(self.key)
            self.came = "served"
            self.then()
        except neighbours.Crowded:
            self.came = "refused"

    def settled(self) -> str:
        self.join(5)
        return self.came


def waiting(count: int = 1) -> bool:
    until = time.monotonic() + 5
    while neighbours._busy["waiting"] != count and time.monotonic() < until:
        time.sleep(0.002)
    return neighbours._busy["waiting"] == count


def test_one_more_is_served_when_another_has_ended() -> None:
    full()
    seventh = Request()
    assert waiting()
    neighbours.depart("a")
    assert seventh.settled() == "served"
    assert (neighbours._all["a"].at_once, neighbours._busy) == (6, {"requests": 6, "workspaces": 1, "waiting": 0})


def test_beyond_its_patience_it_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "PATIENCE", 0.2)
    full()
    began = time.monotonic()
    with pytest.raises(neighbours.Crowded) as refused:
        neighbours.arrive("a")
    assert 0.2 <= time.monotonic() - began < 2
    assert refused.value.facts["retry_after"] == 1
    assert (neighbours._busy["waiting"], neighbours._all["a"].fresh["refused"]) == (0, 1)


def test_the_last_thread_is_never_waited_in() -> None:
    full()
    seventh = Request()
    assert waiting()
    began = time.monotonic()
    with pytest.raises(neighbours.Crowded):
        neighbours.arrive("a")
    assert time.monotonic() - began < 1
    neighbours.arrive("b")
    assert seventh.settled() == "refused"  # the other one's request has the last thread now: the waiting one is given free
    neighbours.arrive("b")
    assert neighbours._busy == {"requests": 8, "workspaces": 2, "waiting": 0}


def test_the_others_find_a_thread_while_one_waits_whatever_it_asks_for() -> None:
    full()
    flood = [Request() for _ in range(20)]
    assert waiting()
    for _ in range(2):
        neighbours.arrive("b")
    assert {one.settled() for one in flood} == {"refused"}


def test_who_came_first_is_served_first(settings: Any) -> None:
    settings.CRM_WEB_THREADS = 12
    full()
    order = list[str]()
    several = list[Request]()
    for name in ("first", "second", "third"):
        several.append(Request(then=lambda name=name: order.append(name)))
        assert waiting(len(several))
    for _ in several:
        neighbours.depart("a")
        time.sleep(0.05)
    assert [one.settled() for one in several] == ["served"] * 3
    assert order == ["first", "second", "third"]


def test_a_minutes_share_is_not_waited_for(settings: Any) -> None:
    settings.CRM_REQUESTS_A_MINUTE = 1
    for _ in range(2):
        neighbours.arrive("a")
    began = time.monotonic()
    with pytest.raises(neighbours.Crowded):
        neighbours.arrive("a")
    assert time.monotonic() - began < 1


def test_a_page_that_waited_is_the_page(doors: Any, django_db_blocker: Any) -> None:
    full(doors.place.public_id)
    client, statuses = doors.client(), list[int]()

    def visit() -> None:
        with django_db_blocker.unblock():
            statuses.append(client.get("/contacts").status_code)
        connections.close_all()

    thread = threading.Thread(target=visit)
    thread.start()
    assert waiting()
    neighbours.depart(doors.place.public_id)
    thread.join(20)
    assert statuses == [200]
    assert neighbours._all[doors.place.public_id].at_once == 5
