"""Examples: thirty contacts and twenty deals, marked, and taken off unless somebody worked with them."""

from __future__ import annotations

import pytest

from crm_core.engagement.notes import services as notes
from crm_core.engagement.tasks.models import Task
from crm_core.groundwork.tags import services as tags
from crm_core.insights.examples import filling, invented
from crm_core.insights.first_hour import queries
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal
from crm_platform.events.models import Event
from crm_platform.kernel import gates
from crm_platform.kernel.errors import Forbidden, PlanRefusal
from crm_platform.kernel.permissions import robot
from tenants.inside import services as inside
from tests.conftest import Door
from tests.factories.cast import cast

ROBOT = robot("test")
pytestmark = pytest.mark.usefixtures("workspace_addresses")


def examples(model) -> list:
    return list(model.objects.filter(external_id__startswith=invented.MARK, binned_at=None).order_by("pk"))


def test_filling_makes_marked_records_that_count(inside) -> None:
    owner = cast()["owner"]
    before = {metric: gates.usage(metric).used for metric in ("contacts", "deals_open")}
    assert filling.fill(owner) == 50 == filling.standing()
    contacts, made = examples(Contact), examples(Deal)
    assert (len(contacts), len(made), len({contact.name for contact in contacts})) == (30, 20, 30)
    for entity, rows in (("contact", contacts), ("deal", made)):
        assert all(tags.names_of(entity, row.tag_ids) == ["Example"] for row in rows)
    assert sorted({deal.state for deal in made}) == ["lost", "open", "won"]
    open_deals = [deal for deal in made if deal.state == "open"]
    assert {metric: gates.usage(metric).used - used for metric, used in before.items()} == {"contacts": 30, "deals_open": len(open_deals)}
    assert any(deal.next_task_at for deal in made)
    assert Event.objects.order_by("-id")[0].name == "examples.filled"
    with pytest.raises(filling.ExamplesStand):
        filling.fill(owner)
    assert filling.standing() == 50


def test_examples_tick_nothing_off(inside) -> None:
    owner = cast()["owner"]
    before = [step.done for step in queries.hour().steps]
    filling.fill(owner)
    assert [step.done for step in queries.hour().steps] == before


@pytest.mark.parametrize("language", ["ru", "fr", "nl", "uz"])
def test_examples_speak_the_language_of_the_firm(inside, language: str) -> None:
    from tenants.inside import services

    services.change_preferences(ROBOT, language=language)
    filling.fill(cast()["owner"])
    assert examples(Contact)[0].first_name in invented.PEOPLE[language][0]
    assert tags.names_of("deal", examples(Deal)[0].tag_ids) != ["Example"]


def test_taking_off_leaves_nothing_behind(inside) -> None:
    owner = cast()["owner"]
    own = deals.create_deal(owner, name="Mine", external_id="order-1")
    used = {metric: gates.usage(metric).used for metric in ("contacts", "deals_open")}
    filling.fill(owner)
    done = filling.take_off(owner)
    assert (done.gone, done.kept, filling.standing()) == (50, 0, 0)
    assert {metric: gates.usage(metric).used for metric in used} == used
    assert not Task.objects.filter(entity="deal", binned_at=None).exists()
    assert not tags.tags_of("deal") | tags.tags_of("contact")
    assert Deal.objects.get(pk=own.pk).binned_at is None
    event = Event.objects.order_by("-id")[0]
    assert (event.name, event.after) == ("examples.taken_off", {"deleted": 50, "kept": 0})
    with pytest.raises(filling.NoExamples):
        filling.take_off(owner)
    assert filling.fill(owner) == 50


def test_what_somebody_worked_with_stays(inside) -> None:
    owner = cast()["owner"]
    filling.fill(owner)
    made = examples(Deal)
    moved, noted, used = made[0], made[1], examples(Contact)[25]
    deals.change_deal(owner, moved.pk, name="A real one now")
    notes.add(owner, entity="deal", pk=noted.pk, text="They called", pinned=False)
    deals.create_deal(owner, name="Mine", contacts=[{"contact_id": used.pk}])
    done = filling.take_off(owner)
    stay = {("deal", row.pk) for row in examples(Deal)} | {("contact", row.pk) for row in examples(Contact)}
    assert {("deal", moved.pk), ("deal", noted.pk), ("contact", used.pk)} <= stay
    assert (done.kept, done.gone) == (len(stay), 50 - len(stay))
    assert tags.names_of("deal", examples(Deal)[0].tag_ids) == ["Example"]


def test_a_tag_of_the_firms_own_is_not_taken_along(inside) -> None:
    owner = cast()["owner"]
    own = tags.ids_of("deal", ["example"])
    filling.fill(owner)
    filling.take_off(owner)
    assert list(tags.tags_of("deal")) == own


def test_at_the_limit_nothing_is_added(inside) -> None:
    state = inside_state(contacts=10)
    before = Contact.objects.count(), Deal.objects.count(), Event.objects.count()
    with pytest.raises(PlanRefusal):
        filling.fill(cast()["owner"])
    assert (Contact.objects.count(), Deal.objects.count()) == before[:2]
    assert state.limits["contacts"] == 10


def inside_state(**limits: int):
    state = inside.state()
    state.limits = {**state.limits, **limits}
    state.save()
    inside.forget()
    return inside.state()


def test_only_who_may_change_settings(inside) -> None:
    people = cast()
    filling.fill(people["administrator"])
    for who in ("manager", "seller", "viewer"):
        for verb in (filling.fill, filling.take_off):
            with pytest.raises(Forbidden):
                verb(people[who])
    assert filling.standing() == 50


def test_by_button_and_with_words(doors: Door) -> None:
    browser = doors.client()
    assert "Fill with examples" in browser.get("/board").content.decode()
    assert browser.post("/settings/examples/fill", {"next": "/board"}).headers["Location"] == "/board"
    text = browser.get("/board").content.decode()
    assert "Take the examples off" in text
    assert "50 examples stand here" in text
    assert browser.get("/settings/journal").status_code == browser.get("/funnel").status_code == browser.get("/day").status_code == 200
    browser.post("/settings/examples/off", {"next": "/settings/first-hour"})
    assert "50 examples are in the bin." in browser.get("/settings/first-hour").content.decode()
    assert 'id="first-deal"' in browser.get("/board").content.decode()
    assert doors.client(email=None).post("/settings/examples/fill").status_code in (302, 403)
