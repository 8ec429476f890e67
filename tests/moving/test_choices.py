"""The pages of a move, and what a person may choose instead of what is suggested."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest import mock

from crm_core.doors.moving import services, showing, values
from crm_core.doors.moving.models import Left, Move, Moved, Stage
from crm_core.groundwork.custom_fields.models import CustomField
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines import services as pipeline_services
from crm_core.sales.pipelines.models import Pipeline
from crm_platform.accounts.models import Access, User
from crm_platform.events.models import Event
from crm_platform.kernel import gates
from tests.conftest import Door
from tests.doors.conftest import program_of

from .kit import Foreign, furnish
from .test_moving import begun, mover, of, served, token_of


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
    token = token_of(there[0])
    with here.unit():
        services.again(mover(here), pk, token=token)
    served(here)
    with here.unit(), mock.patch.object(gates, "usage", lambda metric: gates.Usage(metric, 0, 0, 0)):
        assert showing.limits(Move.objects.get(pk=pk)) == []
    assert of(here, pk).choices["users"][str(anna)] == "new"
    journal = owner.get("/settings/journal")
    assert there[1].url.partition("://")[2] in journal.content.decode()


def test_stages_without_a_namesake_go_where_they_are_put(there: tuple[Door, Foreign], here: Door) -> None:
    furnish(there[0], contact_count=5, company_count=5, deal_count=45)
    pk = begun(here, there)
    owner, found = here.client("mia@mover.example"), of(here, pk).inventory
    service = next(row for row in found["pipelines"] if row["name"] == "Service")
    asked, planned = (f"{service['id']}:{_id(service['statuses'], name)}" for name in ("Asked", "Planned"))
    with here.unit():
        first = Pipeline.objects.first()
        line = pipeline_services.add_pipeline(mover(here), name="Repairs", stages=[("New", 1)])
        ours, foreign = [pipelines.everything().open_of(one.pk) for one in (first, line)]
    assert "stage-" not in owner.get(f"/settings/move/{pk}").content.decode()  # a pipeline that is made brings its stages
    chosen = {f"pipeline-{service['id']}": str(first.pk)}
    assert owner.post(f"/settings/move/{pk}/choose", chosen).status_code == 303
    assert of(here, pk).choices["stages"][asked] == "new"
    page = owner.get(f"/settings/move/{pk}").content.decode()
    assert page.count('name="stage-') == 2  # won and lost are not asked about, nor what has its namesake
    chosen |= {f"stage-{asked}": str(ours[1].pk), f"stage-{planned}": str(foreign[0].pk), "verb": "start"}
    assert owner.post(f"/settings/move/{pk}/choose", chosen).status_code == 303
    assert of(here, pk).choices["stages"] | {asked: str(ours[1].pk), planned: "new"} == of(here, pk).choices["stages"]
    served(here)
    assert of(here, pk).stage == Stage.DONE
    with there[0].unit():
        counts = {name: Deal.objects.filter(stage__name=name).count() for name in ("Asked", "Planned", ours[1].name)}
    with here.unit():
        made = [stage.name for stage in pipelines.everything().open_of(first.pk) if stage.pk not in {one.pk for one in ours}]
        assert made == ["Planned"]
        assert Deal.objects.filter(stage__name="Planned").count() == counts["Planned"] > 0
        assert Deal.objects.filter(stage=ours[1]).count() == counts["Asked"] + counts[ours[1].name]


def test_what_stays_over_there_is_told_in_the_report(there: tuple[Door, Foreign], here: Door) -> None:
    program = program_of(there[0])
    (customer,) = program.post("customers", [{"name": "Regular"}]).json()["_embedded"]["customers"]
    program.post("customers", [{"name": "Other"}])
    program.post("customers/segments", [{"name": "Gold"}])
    program.post(f"customers/{customer['id']}/transactions", [{"price": 100}])
    pk = begun(here, there)
    owner = here.client("mia@mover.example")
    assert "Customers of repeat sales (2)" in owner.get(f"/settings/move/{pk}").content.decode()
    with here.unit():
        services.attempt(mover(here), pk)
    served(here)
    with here.unit():
        assert not Left.objects.filter(kind="customers").exists()  # a trial leaves nothing yet
        services.start(mover(here), pk)
    served(here)
    assert of(here, pk).stage == Stage.DONE
    with here.unit():
        assert dict(Left.objects.exclude(kind="field").values_list("kind", "name")) == {"customers": "2 in all", "segments": "1 in all", "transactions": "1 in all"}
    table = owner.get(f"/settings/move/{pk}/not-moved.csv").content.decode()
    assert 'Customers of repeat sales,,2 in all,"Repeat sales are not moved' in table


def test_what_was_counted_and_did_not_come_is_told(there: tuple[Door, Foreign], here: Door) -> None:
    program = program_of(there[0])
    made = program.post("contacts", [{"name": name} for name in "ABC"]).json()["_embedded"]["contacts"]
    pk = begun(here, there)
    assert program.delete(f"contacts/{made[0]['id']}").status_code == 204
    with here.unit():
        services.start(mover(here), pk)
    served(here)
    with here.unit():
        assert [(one.name, one.reason[:12]) for one in Left.objects.filter(move=pk, kind="contacts")] == [("1 in all", "Counted over")]
        assert Moved.objects.filter(move=pk, kind="contacts").count() == 2


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
    assert client.post(f"/settings/move/{pk}/go-on", {"token": token_of(there[0])}).status_code == 303
    served(here)
    assert of(here, pk).stage == Stage.DONE
    assert client.post(f"/settings/move/{pk}/undo").status_code == 303
    served(here)
    assert of(here, pk).stage == Stage.UNDONE
    with here.unit():
        assert Deal.objects.kept().count() == 0
        assert list(Event.objects.filter(entity="move").order_by("id").values_list("name", flat=True)) == ["move.begun", "move.started", "move.done", "move.undo_asked", "move.undone"]


def test_a_text_longer_than_one_may_be_here_comes_with_its_beginning() -> None:
    told: list[tuple[Any, ...]] = []
    work: Any = SimpleNamespace(leave=lambda *facts: told.append(facts))
    short, long = ({"value": "a" * count} for count in (5000, 5001))
    assert values._within(work, "leads", {"id": 1, "name": "A"}, short) is short
    assert not told
    assert values._within(work, "leads", {"id": 1, "name": "A"}, long) == short
    assert [facts[:3] for facts in told] == [("leads", 1, "A")]
