"""Undoing what an integration wrote: what comes back, what someone changed meanwhile, and what is honestly not undone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crm_core.engagement.tasks import services as tasks
from crm_core.groundwork.records import registry, writing
from crm_core.people.companies import services as companies
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.events.models import Event
from crm_platform.integrations import services, undoing
from crm_platform.jobs import serving
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import ActorKind

from .kit import Program, owner, program


def through(shop: Program) -> Any:
    """The owner, through the integration."""
    return owner().through(ActorKind.INTEGRATION, via=f"integration:{shop.pk}")


def undo(shop: Program, *, period: str = "day") -> dict[str, Any]:
    """Pause, undo, and wait."""
    shop.act(services.pause)
    shop.act(undoing.ask, period=period)
    serving.serve_side(shop.door.unit)
    return shop.row().undo


@pytest.fixture
def shop(doors) -> Program:
    return program(doors)


def test_what_it_made_and_changed_goes_back(shop: Program) -> None:
    with shop.door.unit():
        mine = contacts.create_contact(owner(), first_name="Anna")
        deal = deals.create_deal(owner(), name="Shelves", sum_minor=100)
        contacts.create_contact(through(shop), first_name="Robot made")
        contacts.change_contact(through(shop), mine.pk, first_name="Hanna")
        deals.move_deal(through(shop), deal.pk, stage_id=pipelines.everything().of(deal.pipeline_id)[1].pk)
        deals.win_deal(through(shop), deal.pk)
        outlook = undoing.outlook(services.get(owner(), shop.pk), "day")
    assert (outlook["changed"], outlook["kept"], [what["count"] for what in outlook["binned"]], outlook["nothing"]) == (2, 0, [1], False)
    done = undo(shop)
    assert done["stage"] == "done", done
    report = done["report"]
    assert ([what["count"] for what in report["binned"]], report["kept"], report["other"]) == ([1], [], {})
    with shop.door.unit():
        assert Contact.objects.get(pk=mine.pk).first_name == "Anna"
        assert Contact.objects.get(first_name="Robot made").binned_at is not None
        back = Deal.objects.get(pk=deal.pk)
        assert (back.state, back.stage_id, back.closed_at) == ("open", deal.stage_id, None)
        event = Event.objects.get(name="integration.undone")
        assert (event.record_id, event.after["kept"]) == (shop.pk, 0)
        assert list(Event.objects.filter(via=f"undo:integration:{shop.pk}").values_list("actor_kind", flat=True).distinct()) == ["robot"]


def test_what_someone_changed_since_stays_and_is_told(shop: Program) -> None:
    with shop.door.unit():
        made = contacts.create_contact(through(shop), first_name="Robot made")
        changed = companies.create_company(owner(), name="Velo")
        companies.change_company(through(shop), changed.pk, name="Velo B.V.")
        contacts.change_contact(owner(), made.pk, first_name="Taken over")
        companies.change_company(owner(), changed.pk, name="Velo NV")
    report = undo(shop)["report"]
    assert sorted(row["name"] for row in report["kept"]) == ["Taken over", "Velo NV"]
    with shop.door.unit():
        assert Contact.objects.get(pk=made.pk).binned_at is None


def test_what_it_binned_comes_out_of_the_bin(shop: Program) -> None:
    kind = registry.find("contact")
    with shop.door.unit():
        mine, other = (contacts.create_contact(owner(), first_name=name) for name in ("Anna", "Bert"))
        writing.put_in_bin(through(shop), kind, [mine.pk, other.pk])
        writing.restore(owner(), kind, [other.pk])
        writing.put_in_bin(owner(), kind, [other.pk])
    report = undo(shop)["report"]
    assert report["unbinned"] == 1
    with shop.door.unit():
        assert [Contact.objects.get(pk=one.pk).binned_at is None for one in (mine, other)] == [True, False]


def test_what_cannot_be_undone_is_counted(shop: Program) -> None:
    with shop.door.unit():
        mine = contacts.create_contact(owner(), first_name="Anna")
        tasks.add(through(shop), text="Call", due_at=clock.now(), entity="contact", record_id=mine.pk)
    report = undo(shop)["report"]
    assert sum(report["other"].values()) >= 1
    assert all(name.startswith("task.") for name in report["other"])


def test_only_the_period_and_only_this_one(shop: Program) -> None:
    phone = program(shop.door, name="Phone")
    with shop.door.unit():
        old, theirs = contacts.create_contact(through(shop), first_name="Old"), contacts.create_contact(through(phone), first_name="Theirs")
        Event.objects.filter(record_id=old.pk, entity="contact").update(at=clock.now() - timedelta(days=2))
    assert undo(shop)["report"]["binned"] == []
    with shop.door.unit():
        assert Contact.objects.filter(pk__in=[old.pk, theirs.pk], binned_at=None).count() == 2


def test_it_must_stand_still_and_not_be_undone_twice(shop: Program) -> None:
    with pytest.raises(undoing.StillAtWork):
        shop.act(undoing.ask, period="day")
    shop.act(services.pause)
    with pytest.raises(Invalid):
        shop.act(undoing.ask, period="century")
    shop.act(undoing.ask, period="day")
    with pytest.raises(undoing.BeingUndone):
        shop.act(undoing.ask, period="day")
    assert "You can leave this page" in shop.door.client().get(f"/settings/integrations/{shop.pk}").content.decode()


def test_the_pages_say_what_would_happen_and_what_did(shop: Program) -> None:
    with shop.door.unit():
        contacts.create_contact(through(shop), first_name="Robot made")
    client, page = shop.door.client(), f"/settings/integrations/{shop.pk}/undo"
    assert "Pause the integration first" in client.get(f"{page}?period=day").content.decode()
    assert client.get(f"{page}?period=x").status_code == 303
    shop.act(services.pause)
    assert "Pause the integration first" not in client.get(f"{page}?period=day").content.decode()
    assert client.post(page, {"period": "day"}).status_code == 303
    serving.serve_side(shop.door.unit)
    text = client.get(f"/settings/integrations/{shop.pk}").content.decode()
    assert "to the bin" in text
    card = client.get("/settings/journal").content.decode()
    assert "integration Shop" in card
