"""Lines and extensions of a telephone system: whose they are, and at whose pages a call that names one comes up."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from billing.held import services as held
from crm_core.sales.incoming import door as doorway
from crm_core.sales.incoming import lines, ringing, sources
from crm_core.sales.incoming.models import LeadLine, LeadSource
from crm_platform.accounts.models import Access, User
from crm_platform.events.models import Event
from crm_platform.jobs import serving
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Forbidden, Invalid, NotFound
from tenants.inside.services import change_preferences
from tests.conftest import Door
from tests.factories.cast import cast, person

from .kit import ROBOT, source

CALLER, MAIN = "+31655550199", "+31205550100"
Tell = Callable[..., int]


@dataclass
class Exchange:
    """A telephone system that tells of calls, and two people whose lines it names."""

    at: Door
    way: LeadSource
    anna: int
    max: int
    path: str = ""
    secret: str = ""

    def tell(self, **said: Any) -> int:
        """Say something of a call; the answer's status."""
        body = json.dumps({"id": "c1", "from": CALLER, "to": MAIN, "direction": "in", **said}).encode()
        seal = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        client = Client(HTTP_HOST=self.at.host, raise_request_exception=False)
        return client.post(self.path, body, content_type="application/json", HTTP_X_SIGNATURE=seal).status_code

    def rings(self, who: int) -> str:
        """The number that rings at somebody's pages; "" for none."""
        with self.at.unit():
            call = ringing.of(who)
        return call.number if call else ""


@pytest.fixture
def exchange(doors: Door) -> Exchange:
    doorway.forget()
    with doors.unit():
        change_preferences(ROBOT, country="NL")
        anna, max_ = person("seller", name="Anna"), person("manager", name="Max")
        way = source("calls")
        lines.set_lines(ROBOT, way.pk, [("101", anna.pk), ("sip:102@pbx.example", max_.pk), ("020 555 01 77", max_.pk)])
        return Exchange(doors, way, anna.pk, max_.pk, f"/api/leads/in/{sources.key_of(way)}", sources.secret_of(way))


def test_whose_lines_are_is_said_once_and_told(inside) -> None:
    way, seller = source("calls"), person("seller", name="Anna")
    lines.set_lines(ROBOT, way.pk, [(" 101 ", seller.pk), ("+31 20 555 0177", seller.pk)])
    assert list(LeadLine.objects.values_list("line", "key", "person")) == [("101", "101", seller.pk), ("+31 20 555 0177", "31205550177", seller.pk)]
    told = Event.objects.filter(name="lead_source.lines_changed")
    assert [(one.record_id, one.before["lines"], one.after["lines"][0]) for one in told] == [(way.pk, [], ["101", seller.pk])]
    lines.set_lines(ROBOT, way.pk, [("101", seller.pk), ("+31 20 555 0177", seller.pk)])
    assert told.all().count() == 1  # nothing was changed
    lines.set_lines(ROBOT, way.pk, [])
    assert (LeadLine.objects.count(), told.all().count()) == (0, 2)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("101", 0), ("101", 0)], "twice"),
        ([("101", 0), ("sip:101@pbx.example", 0)], "twice"),
        ([("", 0)], "no line"),
        ([("1" * 61, 0)], "no line"),
        ([("101", None)], "Choose whose"),
        ([("101", 10**12)], "Choose whose"),
        ([(str(number), 0) for number in range(201)], "At most 200"),
    ],
)  # fmt: skip
def test_what_is_no_line_of_a_person_here_is_refused_and_nothing_changes(inside, rows: Any, said: str) -> None:
    way, seller = source("calls"), person("seller", name="Anna")
    lines.set_lines(ROBOT, way.pk, [("200", seller.pk)])
    with pytest.raises(Invalid) as refused:
        lines.set_lines(ROBOT, way.pk, [(line, seller.pk if who == 0 else who) for line, who in rows])
    assert said in str(refused.value.fields["lines"])
    assert list(LeadLine.objects.values_list("line", flat=True)) == ["200"]
    assert Event.objects.filter(name="lead_source.lines_changed").count() == 1


def test_only_administrators_and_only_a_source_of_calls(inside) -> None:
    way, seller = source("calls"), cast()["seller"]
    with pytest.raises(Forbidden):
        lines.set_lines(seller, way.pk, [("101", seller.user_id or 0)])
    with pytest.raises(NotFound):
        lines.set_lines(ROBOT, 10**12, [])
    with pytest.raises(Invalid):
        lines.set_lines(ROBOT, source("webhook").pk, [("101", seller.user_id or 0)])
    assert not LeadLine.objects.exists()


def test_who_has_left_keeps_the_line_and_gets_no_other(inside) -> None:
    way, owner, left = source("calls"), person("owner", name="Odette"), person("seller", name="Anna")
    lines.set_lines(ROBOT, way.pk, [("101", left.pk)])
    User.objects.filter(pk=left.pk).update(access=Access.DEACTIVATED, is_active=False)
    lines.set_lines(ROBOT, way.pk, [("101", left.pk), ("102", owner.pk)])
    with pytest.raises(Invalid):
        lines.set_lines(ROBOT, way.pk, [("103", left.pk)])
    assert list(LeadLine.objects.values_list("line", flat=True)) == ["101", "102"]


def test_the_same_line_of_two_sources_may_be_two_peoples(inside) -> None:
    anna, max_ = person("seller", name="Anna"), person("manager", name="Max")
    here, there = source("calls"), source("calls", name="Other exchange")
    lines.set_lines(ROBOT, here.pk, [("101", anna.pk)])
    lines.set_lines(ROBOT, there.pk, [("101", max_.pk)])
    assert [one.person_id for way in (here, there) for one in lines.of_source(way)] == [anna.pk, max_.pk]


def test_a_call_comes_up_at_whose_line_it_names(exchange: Exchange) -> None:
    assert exchange.tell(status="ringing", extension="101") == 201
    assert (exchange.rings(exchange.anna), exchange.rings(exchange.max)) == (CALLER, "")
    exchange.tell(id="c2", status="ringing", to="+31 20 555 0177")
    assert exchange.rings(exchange.max) == CALLER
    with exchange.at.unit():
        owner = User.objects.get(role__code="owner").pk
    assert exchange.rings(owner) == ""


@pytest.mark.parametrize("to", ["102", "sip:102@elsewhere.example", "0205550177", "31205550177"])
def test_however_its_exchange_writes_the_line(exchange: Exchange, to: str) -> None:
    exchange.tell(status="ringing", to=to)
    assert (exchange.rings(exchange.max), exchange.rings(exchange.anna)) == (CALLER, "")


@pytest.mark.parametrize(
    "said", [{"to": "103"}, {"extension": "101", "direction": "out"}, {"extension": "101", "from": "102"}, {"extension": "101", "status": "answered"}, {"extension": "101", "status": "missed"}, {"extension": "101", "from": ""}]
)
def test_a_line_of_nobody_and_a_call_that_rings_nowhere_come_up_nowhere(exchange: Exchange, said: dict[str, str]) -> None:
    assert exchange.tell(**{"status": "ringing", **said}) == 201
    assert (exchange.rings(exchange.anna), exchange.rings(exchange.max)) == ("", "")


@pytest.mark.parametrize("end", [{"status": "ended"}, {"status": "answered", "duration": 31}, {"status": "missed"}, {"status": "missed", "extension": "101"}, {"recording": "https://r.example/1"}])
def test_the_end_of_the_call_ends_the_card(exchange: Exchange, end: dict[str, Any]) -> None:
    exchange.tell(status="ringing", extension="101")
    exchange.tell(id="c2", status="ringing", extension="102")
    assert exchange.tell(**end) == 200
    assert (exchange.rings(exchange.anna), exchange.rings(exchange.max)) == ("", CALLER)
    exchange.tell(status="ringing", extension="101", again=1)
    assert exchange.rings(exchange.anna) == ""  # told late, it does not come back


def test_the_end_of_the_whole_call_ends_it_everywhere_and_nobody_is_rung_afterwards(exchange: Exchange) -> None:
    exchange.tell(status="ringing", extension="101")
    exchange.tell(status="ringing", extension="102")
    exchange.tell(status="ended", extension="101")
    assert (exchange.rings(exchange.anna), exchange.rings(exchange.max)) == ("", "")
    exchange.tell(id="c2", status="ringing", extension="101")
    exchange.tell(id="c2", status="answered", duration=8)
    exchange.tell(id="c2", status="ringing", extension="102")  # it rang there too, and that is told late
    assert exchange.rings(exchange.max) == ""
    serving.serve_side(exchange.at.unit)
    exchange.tell(id="c2", status="ringing", extension="102", again=1)
    assert exchange.rings(exchange.max) == ""


def test_a_call_without_a_number_of_its_own_ends_by_the_callers(exchange: Exchange) -> None:
    exchange.tell(id="", status="ringing", extension="101")
    assert exchange.rings(exchange.anna) == CALLER
    exchange.tell(id="", status="ended", extension="101", **{"from": "+31 6 5555 0199"})
    assert exchange.rings(exchange.anna) == ""


def test_who_takes_it_keeps_the_card_and_the_others_lose_it(exchange: Exchange) -> None:
    exchange.tell(status="ringing", extension="101")
    exchange.tell(status="ringing", extension="102")
    assert (exchange.rings(exchange.anna), exchange.rings(exchange.max)) == (CALLER, CALLER)
    exchange.tell(status="answered", extension="102")
    assert (exchange.rings(exchange.anna), exchange.rings(exchange.max)) == ("", CALLER)


def test_one_telephone_after_the_other(exchange: Exchange) -> None:
    exchange.tell(status="ringing", extension="101")
    exchange.tell(status="noanswer", extension="101")
    exchange.tell(status="ringing", extension="102")
    assert (exchange.rings(exchange.anna), exchange.rings(exchange.max)) == ("", CALLER)
    serving.serve_side(exchange.at.unit)
    exchange.tell(status="noanswer", extension="101", again=1)
    assert exchange.rings(exchange.max) == CALLER


def test_what_was_closed_stays_closed_and_two_minutes_are_two_minutes(exchange: Exchange) -> None:
    exchange.tell(status="ringing", extension="101")
    with exchange.at.unit():
        call = ringing.of(exchange.anna)
        assert call
        ringing.close(exchange.anna, call.uid)
    exchange.tell(status="ringing", extension="101", again=1)
    assert exchange.rings(exchange.anna) == ""
    exchange.tell(id="c2", status="ringing", extension="101")
    assert exchange.rings(exchange.anna) == CALLER
    with clock.frozen(clock.real_now() + timedelta(seconds=ringing.RINGS_FOR - 5)):
        exchange.tell(id="c2", status="ringing", extension="101", again=1)
    with clock.frozen(clock.real_now() + timedelta(seconds=ringing.RINGS_FOR + 1)):
        assert exchange.rings(exchange.anna) == ""


def test_what_is_sealed_comes_up_nowhere(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "is_held", lambda: True)
    assert exchange.tell(status="ringing", extension="101") == 202
    assert exchange.rings(exchange.anna) == ""


def test_the_card_is_drawn_for_them(exchange: Exchange) -> None:
    exchange.tell(status="ringing", extension="101")
    with exchange.at.unit():
        email = User.objects.get(pk=exchange.anna).email
    card = exchange.at.client(email).get("/ringing", HTTP_HX_REQUEST="true").content.decode()
    assert re.search(r"\+31 6 5555 ?0199", card)


def test_the_table_of_a_source(exchange: Exchange) -> None:
    browser, at = exchange.at.client(), f"/settings/lead-sources/{exchange.way.pk}"
    page = browser.get(at).content.decode()
    assert all(shown in page for shown in ('value="101"', "sip:102@pbx.example", "At whose pages a call comes up", f'value="{exchange.anna}" selected'))
    saved = browser.post(f"{at}/lines", {"lines-line": ["101", "104", ""], "lines-person": [str(exchange.max), str(exchange.anna), ""]})
    assert saved.status_code == 303
    with exchange.at.unit():
        assert list(LeadLine.objects.values_list("line", "person")) == [("101", exchange.max), ("104", exchange.anna)]
    refused = browser.post(f"{at}/lines", {"lines-line": ["105", "105", ""], "lines-person": [str(exchange.max), "", str(exchange.anna)]})
    text = refused.content.decode()
    assert (refused.status_code, text.count('value="105"')) == (422, 2)  # what was typed stays
    assert (text.count(f'value="{exchange.max}" selected'), text.count(f'value="{exchange.anna}" selected')) == (1, 1)
    assert "stands there twice" in text
    with exchange.at.unit():
        assert LeadLine.objects.count() == 2
    assert browser.get(f"{at}/lines").status_code == 405


def test_the_table_is_for_administrators_and_of_telephony(exchange: Exchange) -> None:
    with exchange.at.unit():
        email, site = User.objects.get(pk=exchange.anna).email, source("webhook")
    given = {"lines-line": ["109"], "lines-person": [str(exchange.anna)]}
    assert exchange.at.client(email).post(f"/settings/lead-sources/{exchange.way.pk}/lines", given).status_code == 403
    assert "At whose pages a call comes up" not in exchange.at.client().get(f"/settings/lead-sources/{site.pk}").content.decode()
    assert exchange.at.client().post(f"/settings/lead-sources/{site.pk}/lines", given).status_code == 422
    with exchange.at.unit():
        assert not LeadLine.objects.filter(line="109").exists()
