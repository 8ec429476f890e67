"""Taking in: once, never refused for a limit, sealed while the workspace is not open; who answers, and when it goes to the next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from billing.held import services as held
from crm_core.people.contacts import services as contacts
from crm_core.sales.deals import services as deals
from crm_core.sales.incoming import deciding, duplicates, reading_job, rerouting, routing, sources
from crm_core.sales.incoming.models import IncomingLead, LeadRule, LeadSource
from crm_core.sales.incoming.services import take
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.jobs.models import Job
from crm_platform.kernel import access, clock
from crm_platform.kernel.access import Access, Level
from crm_platform.kernel.errors import Forbidden, Invalid, ReadOnly
from tests.conftest import Door
from tests.factories.cast import cast

from .kit import ROBOT, came, source


def test_what_is_sent_twice_is_one(inside) -> None:
    door = source()
    first = take(door, {"name": "Ada"}, category="api", sender_key="7")
    again = take(door, {"name": "Ada"}, category="api", sender_key="7")
    assert (again.uid, again.repeated, first.repeated) == (first.uid, True, False)
    assert take(source(name="Other"), {"name": "Ada"}, category="api", sender_key="7").uid != first.uid
    assert IncomingLead.objects.filter(source=door).count() == 1
    assert Job.objects.filter(name="incoming.read", state="waiting").count() == 1


def test_it_is_read_and_told(inside) -> None:
    lead = came(through=source(answer_minutes=15))
    assert (lead.name, lead.message, sorted(lead.keys)) == ("Camille Duquesnoy", "Bonjour", ["e:camille@maison.example", "p:31655550142"])
    assert (lead.due_at - lead.received_at, lead.read_at is not None) == (timedelta(minutes=15), True)
    event = Event.objects.order_by("-id")[0]
    assert (event.name, event.record_id) == ("incoming.received", lead.pk)
    assert LeadSource.objects.get(pk=lead.source_id).last_lead_at == lead.received_at


def test_a_workspace_that_is_not_open_seals_it_and_opens_it_with_its_moment(inside, monkeypatch) -> None:
    door = source(answer_minutes=10)
    monkeypatch.setattr(access, "here", lambda: Access(Level.READ, "limited", still=frozenset({access.Act.INTAKE})))
    before = IncomingLead.objects.count()
    lead = take(door, {"name": "Ada"}, category="forms", sender_key="one", metadata={"utm_source": "ads"})
    again = take(door, {"name": "Ada"}, category="forms", sender_key="one")
    assert (lead.held, again.held, IncomingLead.objects.count(), held.waiting()) == (True, True, before, 1)
    monkeypatch.undo()
    with clock.frozen(clock.now() + timedelta(days=3)):
        assert held.open_some() == 1
        reading_job.read_some()
        opened = IncomingLead.objects.get(uid=lead.uid)
        assert (opened.name, opened.metadata["utm_source"], opened.source_id, opened.category) == ("Ada", "ads", door.pk, "forms")
        assert opened.received_at < clock.now() - timedelta(days=2)
        assert not opened.late(clock.now())


def test_a_closed_workspace_takes_nothing(inside, monkeypatch) -> None:
    monkeypatch.setattr(access, "here", lambda: Access(Level.CLOSED, "suspended"))
    with pytest.raises(ReadOnly):
        take(None, {"name": "Ada"}, category="api")
    assert not IncomingLead.objects.filter(source=None).exists()


def test_what_cannot_be_read_is_a_lead_all_the_same(inside, monkeypatch) -> None:
    monkeypatch.setattr(reading_job.reading, "read", lambda payload: 1 / 0)
    assert "Ada" in came({"name": "Ada"}).message


def test_the_usual_pause_is_learnt(inside) -> None:
    door = source()
    start = clock.now()
    for hour in range(6):
        with clock.frozen(start + timedelta(hours=hour)):
            came(through=door)
            came(through=door)
    assert LeadSource.objects.get(pk=door.pk).rhythm_seconds == 3600


# Who answers.


def test_in_turn_and_the_source_s_own_rule_first(inside) -> None:
    everyone = cast()
    pair = [everyone["seller"].user_id, everyone["mate"].user_id]
    door = source()
    sources.add_rule(ROBOT, kind="turns", people=[everyone["other"].user_id])
    sources.add_rule(ROBOT, kind="turns", people=pair, source_id=door.pk)
    found = [came({"name": f"N{turn}"}, through=door).responsible_id for turn in range(4)]
    assert sorted(found[:2]) == sorted(pair)
    assert found[:2] == found[2:]
    assert came({"name": "Elsewhere"}).responsible_id == everyone["other"].user_id


def test_whoever_has_the_least_to_do(inside) -> None:
    everyone = cast()
    busy, idle = everyone["seller"].user_id, everyone["mate"].user_id
    for _ in range(3):
        deals.create_deal(ROBOT, name="Shelves", responsible_id=busy)
    sources.add_rule(ROBOT, kind="load", people=[busy, idle])
    assert [came({"name": f"N{turn}"}).responsible_id for turn in range(2)] == [idle, idle]


def test_by_a_field_s_value_and_else_the_next_rule(inside) -> None:
    everyone = cast()
    north, rest = everyone["seller"].user_id, everyone["other"].user_id
    sources.add_rule(ROBOT, kind="field", field="City", values=[("Zwolle", north)])
    sources.add_rule(ROBOT, kind="turns", people=[rest])
    assert came({"name": "A", "city": " zwolle"}).responsible_id == north
    assert came({"name": "B", "city": "Breda"}).responsible_id == rest
    with pytest.raises(Invalid):
        sources.add_rule(ROBOT, kind="field", field="City")


def test_the_previous_owner_first(inside) -> None:
    everyone = cast()
    contacts.create_contact(ROBOT, first_name="C", emails=[{"address": "camille@maison.example"}], responsible_id=everyone["mate"].user_id)
    sources.add_rule(ROBOT, kind="previous")
    assert came().responsible_id == everyone["mate"].user_id
    assert came({"name": "New"}).responsible_id is None


@pytest.mark.parametrize(("moment", "within"), [((2031, 5, 7, 10), True), ((2031, 5, 7, 20), False), ((2031, 5, 10, 10), False)])
def test_the_hours_of_a_rule(inside, moment, within: bool) -> None:
    rule = LeadRule(kind="turns", settings={"hours": {"when": "within", "from": "09:00", "to": "18:00"}})
    away = LeadRule(kind="turns", settings={"hours": {"when": "outside", "from": "09:00", "to": "18:00"}})
    now = datetime(*moment, tzinfo=UTC)
    assert (routing.holds(rule, now), routing.holds(away, now)) == (within, not within)


def test_not_taken_goes_to_the_next_and_a_taken_one_stays(inside) -> None:
    everyone = cast()
    pair = [everyone["seller"].user_id, everyone["mate"].user_id]
    sources.add_rule(ROBOT, kind="turns", people=pair, reroute_minutes=5)
    lead = came()
    timer = Job.objects.get(name="incoming.reroute", target=lead.pk)
    assert timedelta(minutes=4) < timer.at - clock.real_now() < timedelta(minutes=6)
    rerouting.give(lead)
    moved = IncomingLead.objects.get(pk=lead.pk)
    assert {lead.tried[0], moved.responsible_id} == set(pair)
    assert Event.objects.order_by("-id")[0].name == "incoming.rerouted"
    assert Job.objects.filter(name="incoming.reroute", target=lead.pk).count() == 2


TASHKENT = ZoneInfo("Asia/Tashkent")


def by_day(**more: Any) -> LeadRule:
    """A rule for the hours of work."""
    return LeadRule(kind="turns", settings={"hours": {"when": "within", "days": [1, 2, 3, 4, 5], "from": "09:00", "to": "18:00"}}, **more)


@pytest.mark.parametrize(
    ("now", "opens"), [((2031, 5, 7, 8), (2031, 5, 7, 9)), ((2031, 5, 7, 20), (2031, 5, 8, 9)), ((2031, 5, 9, 18), (2031, 5, 12, 9)), ((2031, 5, 7, 10), None)]
)  # fmt: skip
def test_when_a_rule_begins_to_hold(inside, now, opens) -> None:
    with timezone.override(TASHKENT):
        found = routing.opens_at(by_day(), datetime(*now, tzinfo=TASHKENT))
    assert found == (datetime(*opens, tzinfo=TASHKENT) if opens else None)


def test_a_rule_that_never_holds_opens_never(inside) -> None:
    never = LeadRule(kind="turns", settings={"hours": {"when": "within", "days": [1], "from": "18:00", "to": "09:00"}})
    assert routing.opens_at(never, datetime(2031, 5, 7, 10, tzinfo=UTC)) is None


def test_what_comes_at_night_is_given_in_the_morning_unless_somebody_was_quicker(inside) -> None:
    everyone = cast()
    seller, mate = everyone["seller"].user_id, everyone["mate"].user_id
    sources.add_rule(ROBOT, kind="turns", people=[seller], when="within", days=[1, 2, 3, 4, 5])
    night, morning = datetime(2031, 5, 7, 20, tzinfo=UTC), datetime(2031, 5, 8, 9, tzinfo=UTC)
    with clock.frozen(night):
        given, waits, gone = came({"name": "A"}), came({"name": "B"}), came({"name": "C"})
        deciding.give(ROBOT, given.uid, user_id=mate)
        deciding.decline(ROBOT, gone.uid)
    asked = Job.objects.filter(name="incoming.opening", target=waits.pk).get()
    assert (waits.responsible_id, asked.at - clock.real_now() > timedelta(hours=12)) == (None, True)
    with clock.frozen(morning):
        for lead in (given, waits, gone):
            rerouting.hand_out(lead.pk)
    assert [IncomingLead.objects.get(pk=lead.pk).responsible_id for lead in (given, waits, gone)] == [mate, seller, None]


def test_what_nobody_took_before_the_evening_goes_on_in_the_morning_and_not_for_ever(inside) -> None:
    everyone = cast()
    pair = [everyone["seller"].user_id, everyone["mate"].user_id]
    sources.add_rule(ROBOT, kind="turns", people=pair, when="within", days=[1, 2, 3, 4, 5], reroute_minutes=30)
    with clock.frozen(datetime(2031, 5, 7, 17, 50, tzinfo=UTC)):
        lead = came()
    with clock.frozen(datetime(2031, 5, 7, 18, 20, tzinfo=UTC)):
        rerouting.give(lead)
    assert Job.objects.filter(name="incoming.opening", target=lead.pk).count() == 1
    with clock.frozen(datetime(2031, 5, 8, 9, tzinfo=UTC)):
        rerouting.hand_out(lead.pk)
    assert {lead.responsible_id, IncomingLead.objects.get(pk=lead.pk).responsible_id} == set(pair)
    with clock.frozen(datetime(2031, 5, 17, 12, tzinfo=UTC)):  # a Saturday, more than a week later
        rerouting.give(IncomingLead.objects.get(pk=lead.pk))
    assert Job.objects.filter(name="incoming.opening", target=lead.pk).count() == 1


class Lease:
    """A job's lease, as it stands between two tries of it."""

    def __init__(self) -> None:
        self.checkpoint: dict[str, Any] = {}

    def beat(self, checkpoint: dict[str, Any] | None = None) -> None:
        self.checkpoint = checkpoint or self.checkpoint


def test_a_worker_that_dies_after_it_has_given_a_lead_passes_nobody_over(doors: Door) -> None:
    with doors.unit():
        everyone = cast()
        trio = [everyone[name].user_id for name in ("seller", "mate", "owner")]
        sources.add_rule(ROBOT, kind="turns", people=trio, reroute_minutes=5)
        lead, lease = came(), Lease()
    with sides.inside(doors.place):
        for _ in range(2):
            rerouting.reroute(lead.pk, lease=lease)
    with doors.unit():
        assert IncomingLead.objects.get(pk=lead.pk).tried == [lead.responsible_id]


def test_whom_a_person_gave_it_to_keeps_it(inside) -> None:
    everyone = cast()
    pair = [everyone["seller"].user_id, everyone["mate"].user_id]
    sources.add_rule(ROBOT, kind="turns", people=pair, reroute_minutes=5)
    lead = came()
    timers = Job.objects.filter(name="incoming.reroute", target=lead.pk)
    assert timers.count() == 1
    deciding.give(ROBOT, lead.uid, user_id=next(pk for pk in pair if pk != lead.responsible_id))
    assert not timers.exists()


def test_what_nobody_takes_goes_round_for_a_week(inside) -> None:
    sources.add_rule(ROBOT, kind="turns", people=[one.user_id for one in cast().values()][:2], reroute_minutes=5)
    lead = came()
    with clock.frozen(clock.now() + timedelta(days=8)):
        rerouting.give(IncomingLead.objects.get(pk=lead.pk))
    assert Job.objects.filter(name="incoming.reroute", target=lead.pk).count() == 1


def test_what_lay_sealed_for_weeks_is_offered_in_the_morning_like_any_other(inside) -> None:
    sources.add_rule(ROBOT, kind="turns", when="within", days=[1, 2, 3, 4, 5])
    night = datetime(2031, 5, 7, 20, tzinfo=UTC)
    with clock.frozen(night):
        lead = take(None, {"name": "Ada"}, category="api")
        IncomingLead.objects.filter(pk=lead.pk).update(received_at=night - timedelta(days=30))
        reading_job.read_some()
    assert Job.objects.filter(name="incoming.opening", target=lead.pk).count() == 1


def test_where_no_rule_holds_in_the_morning_whoever_answers_for_the_source_has_it(inside) -> None:
    everyone = cast()
    way = source()
    sources.add_rule(ROBOT, kind="previous", when="within", days=[1, 2, 3, 4, 5])
    with clock.frozen(datetime(2031, 5, 7, 20, tzinfo=UTC)):
        lead = came(through=way)
    sources.change(ROBOT, way.pk, name=way.name, pipeline_id=None, answer_minutes=None, responsible_id=everyone["mate"].user_id)
    with clock.frozen(datetime(2031, 5, 8, 9, tzinfo=UTC)):
        rerouting.hand_out(lead.pk)
    assert (lead.responsible_id, IncomingLead.objects.get(pk=lead.pk).responsible_id) == (None, everyone["mate"].user_id)


def test_what_a_lead_says_of_its_page_is_closer_than_what_the_request_shows(inside) -> None:
    lead = came({"name": "Ada", "page": "https://shop.example/oak?x=1", "utm_source": "ads"}, metadata={"page": "https://shop.example/", "utm_source": "door", "address": "203.0.113.7"})
    assert lead.metadata == {"page": "https://shop.example/oak?x=1", "utm_source": "ads", "address": "203.0.113.7"}


def test_duplicates_cost_the_same_for_one_and_three(inside, count_statements) -> None:
    contacts.create_contact(ROBOT, first_name="C", emails=[{"address": "camille@maison.example"}])
    leads = [came() for _ in range(3)]
    with count_statements() as one:
        duplicates.of(ROBOT, leads[:1])
    with count_statements() as three:
        found = duplicates.of(ROBOT, leads)
    assert one() == three()
    assert [sorted(found[lead.pk].by) for lead in leads] == [["email"]] * 3


def test_sources_are_for_administrators(inside) -> None:
    everyone = cast()
    for name in ("manager", "seller", "viewer"):
        with pytest.raises(Forbidden):
            sources.add(everyone[name], name="X", kind="api")
    made = sources.add(everyone["administrator"], name=" Our  site ", kind="api")
    assert (made.name, Event.objects.order_by("-id")[0].name) == ("Our site", "lead_source.added")
    key = sources.key_of(made)
    assert (sources.digest(key), key.startswith(f"{inside.public_id}.")) == (made.key_digest, True)
    assert sources.key_of(sources.new_key(ROBOT, made.pk)) != key
    with pytest.raises(Invalid):
        sources.add(ROBOT, name="X", kind="pigeon")
