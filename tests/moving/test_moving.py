"""One of our own workspaces moves into another through the public API: equal counts, sums and links, whatever happens on the way."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Count, Sum

from crm_core.doors.moving import running, services, steps
from crm_core.doors.moving.models import Left, Move, Moved, Stage
from crm_core.engagement.notes.models import Note
from crm_core.engagement.tasks.models import Task
from crm_core.groundwork.attachments.models import Attachment
from crm_core.groundwork.custom_fields.models import CustomField
from crm_core.groundwork.tags.models import Tag
from crm_core.people.companies.models import Company
from crm_core.people.contacts.models import Contact, Employment
from crm_core.sales.deals.models import Deal, DealContact, DealLine
from crm_core.sales.products.models import Product
from crm_platform.accounts import tokens
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.events.models import Event
from crm_platform.jobs import serving
from crm_platform.jobs.models import Job
from crm_platform.kernel.permissions import Actor
from tests.conftest import Door
from tests.factories import cast

from .kit import Foreign, furnish


def token_of(door: Door) -> str:
    """A long-lived token of the account's owner."""
    with door.unit():
        return tokens.make_api_token(User.objects.get(email="olga@veldhuis.example"), name="move")


def mover(door: Door) -> Actor:
    return actor_of(User.objects.select_related("role").get(email="mia@mover.example"))


def begun(here: Door, there: tuple[Door, Foreign]) -> int:
    """A move that has looked around."""
    token = token_of(there[0])
    with here.unit():
        pk = services.begin(mover(here), address=there[1].url, token=token).pk
    served(here)
    return pk


def started(here: Door, pk: int) -> None:
    """Everything is to come."""
    with here.unit():
        services.start(mover(here), pk)


def served(door: Door, *, seconds: float = 240) -> None:
    """All that is due, now and later."""
    for _round in range(400):
        serving.serve_side(door.unit, seconds=seconds)
        with door.unit():
            if not Job.objects.filter(name__startswith="moving.", state="waiting").exists():
                return
            Job.objects.filter(name__startswith="moving.", state="waiting").update(at="2020-01-01T00:00Z")


def of(door: Door, pk: int) -> Move:
    with door.unit():
        return Move.objects.get(pk=pk)


def figures(door: Door) -> dict[str, Any]:
    """What has to be equal on both sides."""
    with door.unit():
        told: dict[str, Any] = {
            "contacts": Contact.objects.kept().count(), "companies": Company.objects.kept().count(), "deals": Deal.objects.kept().count(), "products": Product.objects.kept().count(),
            "sums": Deal.objects.kept().aggregate(one=Sum("sum_minor"))["one"], "employments": Employment.objects.count(), "deal_contacts": DealContact.objects.count(),
            "mains": DealContact.objects.filter(main=True).count(), "with_company": Deal.objects.exclude(company=None).count(),
            "tasks": sorted((text, kind, due.replace(microsecond=0), *rest) for text, kind, due, *rest in Task.objects.filter(binned_at=None).values_list("text", "type", "due_at", "result", "entity", "duration")),
            "open_tasks": Task.objects.filter(done_at=None, binned_at=None).count(),
            "notes": sorted((one.entity, one.kind, one.text if one.kind == "common" else str(sorted(one.params.items())), one.pinned) for one in Note.objects.filter(binned_at=None).exclude(params__has_key="moved")),
            "files": sorted(Attachment.objects.filter(binned_at=None).values_list("entity", "name", "sha256")),
            "lines": sorted(DealLine.objects.values_list("name", "quantity_milli", "price_minor")),
            "by_state": sorted(Deal.objects.values_list("state").annotate(n=Count("pk"), total=Sum("sum_minor"))),
            "by_stage": sorted(Deal.objects.values_list("pipeline__name", "stage__name").annotate(n=Count("pk"), total=Sum("sum_minor"))),
            "reasons": sorted(Deal.objects.filter(state="lost").values_list("lost_reason__name").annotate(n=Count("pk"))),
            "phones": sorted(str(one) for one in Contact.objects.values_list("phones", flat=True)), "emails": sorted(str(one) for one in Contact.objects.values_list("emails", flat=True)),
            "born": sorted((name, at.replace(microsecond=0)) for name, at in Deal.objects.values_list("name", "created_at")),
        }  # fmt: skip
        names = {field.pk: field for field in CustomField.objects.all()}
        told["custom"] = sorted(
            (deal.name, names[int(key)].name, str([option["label"] for option in names[int(key)].options if option["id"] in (value if isinstance(value, list) else [value])] or value))
            for deal in Deal.objects.exclude(custom={}) for key, value in deal.custom.items()
        )  # fmt: skip
        words = {tag.pk: (tag.name, tag.colour) for tag in Tag.objects.all()}
        told["tags"] = sorted((deal.name, sorted(words[pk] for pk in deal.tag_ids)) for deal in Deal.objects.exclude(tag_ids=[]))
        told["people"] = sorted(Deal.objects.filter(responsible__email="anna@veldhuis.example").values_list("name", flat=True))
        return told


def assert_equal(here: Door, there: Door) -> None:
    ours, theirs = figures(here), figures(there)
    for name, value in theirs.items():
        assert ours[name] == value, name


@pytest.fixture
def lived(there: tuple[Door, Foreign], here: Door) -> tuple[Door, Foreign]:
    """The account furnished; who is known by e-mail works here too, and this house has a record of its own already: ids differ."""
    furnish(there[0])
    with here.unit():
        cast.person("seller", name="Anna")
    return there


def history(door: Door) -> int:
    with door.unit():
        return Note.objects.filter(params__has_key="moved", binned_at=None).count()


def test_a_workspace_moves_whole_and_moving_again_doubles_nothing(lived: tuple[Door, Foreign], here: Door) -> None:
    pk = begun(here, lived)
    move, theirs = of(here, pk), figures(lived[0])
    assert (move.stage, move.trouble) == (Stage.READY, "")
    counts = move.inventory["counts"]
    assert [counts[name] for name in ("contacts", "companies", "leads", "files", "tasks", "products")] == [theirs["contacts"], theirs["companies"], theirs["deals"], 3, len(theirs["tasks"]), 1]
    started(here, pk)
    served(here)
    move = of(here, pk)
    assert (move.stage, move.trouble, move.token) == (Stage.DONE, "", "")
    with here.unit():
        assert list(Left.objects.values_list("kind", "reason")) == []
    assert_equal(here, lived[0])
    with lived[0].unit():
        changes = Event.objects.filter(name__in=("deal.moved", "deal.won", "deal.lost")).count()
    assert history(here) == changes > 0
    token = token_of(lived[0])
    with here.unit():
        services.again(mover(here), pk, token=token)
    served(here)
    started(here, pk)
    served(here)
    assert of(here, pk).stage == Stage.DONE
    assert_equal(here, lived[0])
    assert history(here) == changes


class Killed(BaseException):
    """As if the worker had died."""


def test_a_worker_that_dies_goes_on_where_it_stood(lived: tuple[Door, Foreign], here: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    pk = begun(here, lived)
    started(here, pk)
    deaths = 0
    passed = {"moving.fetched": 0, "moving.writing": 0, "moving.written": 0}

    def die(name: str) -> None:
        nonlocal deaths
        passed[name] += 1
        if passed[name] == 3 * (deaths + 1) and deaths < 9:
            deaths += 1
            raise Killed

    monkeypatch.setattr(running, "reached", die)
    while deaths < 9:
        try:
            serving.serve_side(here.unit, seconds=120)
        except Killed:
            with here.unit():
                Job.objects.filter(name="moving.run").update(leased_until="2020-01-01T00:00Z")
                assert of_now(pk).stage == Stage.MOVING
        else:
            break
    served(here)
    assert of(here, pk).stage == Stage.DONE
    assert deaths > 3
    assert_equal(here, lived[0])


def of_now(pk: int) -> Move:
    return Move.objects.get(pk=pk)


def test_a_trial_of_fifty_is_looked_at_undone_and_comes_again(lived: tuple[Door, Foreign], here: Door) -> None:
    pk = begun(here, lived)
    with here.unit():
        services.attempt(mover(here), pk)
    served(here)
    move = of(here, pk)
    assert (move.stage, move.trouble, move.totals["leads"]) == (Stage.TRIED, "", steps.TRIAL)
    tried = figures(here)
    assert tried["deals"] == steps.TRIAL
    assert tried["deal_contacts"] >= 1
    assert tried["with_company"] >= 1
    with here.unit():
        services.undo(mover(here), pk)
    served(here)
    assert of(here, pk).stage == Stage.READY
    assert [figures(here)[name] for name in ("deals", "contacts", "companies")] == [0, 0, 0]
    with here.unit():
        assert not Moved.objects.exclude(kind="products").exists()
        assert not Task.objects.filter(binned_at=None).exclude(entity="").exists()
    started(here, pk)
    served(here)
    assert_binned_apart(here, lived[0])


def assert_binned_apart(here: Door, there: Door) -> None:
    ours, theirs = figures(here), figures(there)
    for name in ("deals", "contacts", "companies", "open_tasks"):
        assert ours[name] == theirs[name], name
    with here.unit():
        assert Deal.objects.kept().aggregate(one=Sum("sum_minor"))["one"] == theirs["sums"]


def test_a_trial_and_then_everything(lived: tuple[Door, Foreign], here: Door) -> None:
    pk = begun(here, lived)
    with here.unit():
        services.attempt(mover(here), pk)
    served(here)
    started(here, pk)
    served(here)
    assert of(here, pk).stage == Stage.DONE
    assert_equal(here, lived[0])


def test_a_card_tells_what_came_by_its_own_time_and_author(lived: tuple[Door, Foreign], here: Door) -> None:
    with lived[0].unit():
        deal = Deal.objects.order_by("id")[0]
        name = deal.name
        Note.objects.filter(entity="deal", record_id=deal.pk, kind="call_in").update(created_at="2024-03-05T10:00Z")
    pk = begun(here, lived)
    with here.unit():
        services.attempt(mover(here), pk)
    served(here)
    started(here, pk)
    served(here)
    with here.unit():
        mine = Deal.objects.get(name=name, external_id=str(deal.pk)).pk
    card = here.client("mia@mover.example").get(f"/deals/{mine}").content.decode()
    assert "2024-03-05" in card
    assert "Anna" in card
    assert "amoCRM" in card
