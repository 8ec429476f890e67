"""What a view leaves for: done with no transaction open, and the view begins anew with what it came to."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.urls import path

from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_platform.config.urls import workspace as urls
from crm_platform.db import sides
from crm_platform.kernel import workspace
from crm_platform.kernel.errors import Conflict
from crm_platform.kernel.permissions import robot
from tenants.errands import errand

ROBOT = robot("test")
seen: list[Any] = []


class Refused(Conflict):
    """As a verb refuses."""

    code = "refused"
    sentence = "It is refused."


def leaves(request: HttpRequest) -> HttpResponse:
    """Two errands, and a row of its own after them."""
    place = request.place  # type: ignore[attr-defined]

    def away() -> int:
        seen.append((workspace.current(), connections[place.alias].in_atomic_block))
        with sides.unit(place):
            contacts.create_contact(ROBOT, first_name="From the errand")
        return 7

    first = errand(request, away)
    second = errand(request, lambda: first * 6)
    contacts.create_contact(ROBOT, first_name=f"From the view {second}")
    return HttpResponse(str(second))


def writes_before(request: HttpRequest) -> HttpResponse:
    """What is written before is taken back; it is written once all the same."""
    contacts.create_contact(ROBOT, first_name="Once")
    errand(request, lambda: None)
    return HttpResponse("done")


def refused(request: HttpRequest) -> HttpResponse:
    """What the errand raises is raised in the view."""

    def refuse() -> None:
        raise Refused

    try:
        errand(request, refuse)
    except Refused as error:
        return HttpResponse(error.code, status=409)
    return HttpResponse("never")


def trips(request: HttpRequest) -> HttpResponse:
    """A mistake in an errand is an error page, as everywhere."""
    errand(request, lambda: 1 // 0)
    return HttpResponse("never")


def endless(request: HttpRequest) -> HttpResponse:
    """More errands than anybody needs."""
    for _at in range(50):
        errand(request, lambda: None)
    return HttpResponse("never")


@pytest.fixture
def client(doors: Any, settings: Any) -> Any:
    seen.clear()
    views = {"leaves": leaves, "writes-before": writes_before, "refused": refused, "trips": trips, "endless": endless}
    patterns = [path(f"try/{name}", view) for name, view in views.items()]
    urls.urlpatterns[:0] = patterns
    from django.urls import clear_url_caches

    clear_url_caches()
    yield doors.client()
    del urls.urlpatterns[: len(patterns)]
    clear_url_caches()


def names(doors: Any) -> list[str]:
    with doors.unit():
        return list(Contact.objects.order_by("pk").values_list("first_name", flat=True))


def test_an_errand_is_run_with_no_transaction_open_and_the_view_goes_on(client: Any, doors: Any) -> None:
    answer = client.get("/try/leaves")
    assert (answer.status_code, answer.content) == (200, b"42")
    assert seen == [(None, False)]
    assert names(doors) == ["From the errand", "From the view 42"]


def test_what_was_written_before_it_is_written_once(client: Any, doors: Any) -> None:
    assert client.get("/try/writes-before").status_code == 200
    assert names(doors) == ["Once"]


def test_what_it_raises_is_raised_in_the_view(client: Any, doors: Any) -> None:
    assert (client.get("/try/refused").status_code, client.get("/try/trips").status_code, client.get("/try/endless").status_code) == (409, 500, 500)
    assert names(doors) == []


def test_a_form_with_an_errand_sent_twice_is_done_once(client: Any, doors: Any) -> None:
    first, second = (client.post("/try/leaves", {"once": "a-number"}) for _at in range(2))
    assert (first.status_code, second.status_code) == (200, 303)
    assert names(doors) == ["From the errand", "From the view 42"]
