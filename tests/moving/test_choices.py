"""The pages of a move, and what a person may choose instead of what is suggested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crm_core.doors.moving import services
from crm_core.doors.moving.models import Left, Move, Stage
from crm_core.groundwork.custom_fields.models import CustomField
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines.models import Pipeline
from crm_platform.accounts.models import Access, User
from crm_platform.events.models import Event
from tests.conftest import Door

from .kit import Foreign, furnish
from .test_moving import begun, mover, of, served


def _id(rows: list[dict[str, Any]], name: str) -> int:
    return next(int(row["id"]) for row in rows if row["name"] == name)


def test_what_a_person_chooses_is_done(there: tuple[Door, Foreign], here: Door) -> None:
    furnish(there[0], contact_count=5, company_count=5, deal_count=45)
    pk = begun(here, there)
    found = of(here, pk).inventory
    owner = here.client("mia@mover.example")
    page = owner.get(f"/settings/move/{pk}")
    assert page.status_code == 200
    assert all(word in page.content.decode() for word in ("Service", "anna@veldhuis.example", "Field list"))
    anna, number = _id(found["users"], "Anna"), _id(found["fields"]["leads"], "Field number")
    sales = _id(found["pipelines"], "Sales")
    with here.unit():
        first = Pipeline.objects.first().pk
    chosen = {f"user-{anna}": "new", f"field-leads-{number}": "skip", f"pipeline-{_id(found['pipelines'], 'Service')}": str(first), f"pipeline-{sales}": "rubbish", "verb": "start"}
    assert owner.post(f"/settings/move/{pk}/choose", chosen).status_code == 303
    served(here)
    assert of(here, pk).stage == Stage.DONE
    with here.unit():
        person = User.objects.get(name="Anna")
        assert person.access == Access.NONE
        assert Deal.objects.filter(responsible=person).count() == 40
        assert Pipeline.objects.count() == 1
        assert not CustomField.objects.filter(name="Field number").exists()
        assert CustomField.objects.filter(name="Field list").exists()
        assert Left.objects.filter(kind="field", name="leads: Field number").count() == 1
    shown = owner.get(f"/settings/move/{pk}")
    assert "Field number" in shown.content.decode()
    journal = owner.get("/settings/journal")
    assert there[1].url.partition("://")[2] in journal.content.decode()


def test_the_list_of_moves_costs_the_same_with_one_and_with_three(here: Door, count_statements: Callable[[], Any]) -> None:
    client, counts = here.client("mia@mover.example"), []
    for number in (1, 3):
        with here.unit():
            for at in range(number - Move.objects.count()):
                Move.objects.create(base=f"https://firm{at}.amocrm.ru", stage=Stage.DONE, started_by_id=mover(here).user_id)
        client.get("/settings/move")
        with count_statements() as count:
            assert client.get("/settings/move").status_code == 200
            counts.append(count())
    assert counts[0] == counts[1]


def test_stop_go_on_and_forget(there: tuple[Door, Foreign], here: Door) -> None:
    furnish(there[0], contact_count=5, company_count=5, deal_count=45)
    pk = begun(here, there)
    client = here.client("mia@mover.example")
    with here.unit():
        services.start(mover(here), pk)
    assert client.post(f"/settings/move/{pk}/stop").status_code == 303
    served(here)
    assert (of(here, pk).stage, of(here, pk).resumes) == (Stage.PAUSED, Stage.MOVING)
    assert client.post(f"/settings/move/{pk}/drop-token").status_code == 303
    assert of(here, pk).token == ""
    assert client.post(f"/settings/move/{pk}/go-on", {"token": ""}).status_code == 422
    assert client.post(f"/settings/move/{pk}/start", {}).status_code == 404
    from .test_moving import token_of

    assert client.post(f"/settings/move/{pk}/go-on", {"token": token_of(there[0])}).status_code == 303
    served(here)
    assert of(here, pk).stage == Stage.DONE
    assert client.post(f"/settings/move/{pk}/undo").status_code == 303
    served(here)
    assert of(here, pk).stage == Stage.UNDONE
    with here.unit():
        assert Deal.objects.kept().count() == 0
        assert list(Event.objects.filter(entity="move").order_by("id").values_list("name", flat=True)) == ["move.begun", "move.started", "move.done", "move.undo_asked", "move.undone"]
