"""Pipelines, statuses, reasons for losing through the open API."""

from __future__ import annotations

from crm_core.sales.pipelines.models import LostReason
from crm_platform.events.models import Event
from tests.doors.conftest import Program, program_of
from tests.doors.test_records import made
from tests.factories.cast import person

STATUS = {"id", "name", "sort", "is_editable", "pipeline_id", "color", "type", "account_id"}


def test_a_pipeline_is_made_with_its_statuses(api: Program) -> None:
    body = [{"name": "Sales 2", "is_main": False, "is_unsorted_on": True, "sort": 20, "request_id": "a", "_embedded": {"statuses": [
        {"name": "Second", "sort": 30, "color": "#fffeb2"}, {"name": "First", "sort": 20, "color": "#d6eaff"}, {"id": 142, "name": "Yes!"},
    ]}}]  # fmt: skip
    (told,) = api.post("leads/pipelines", body).json()["_embedded"]["pipelines"]
    assert told.keys() >= {"id", "name", "sort", "is_main", "is_unsorted_on", "is_archive", "account_id", "request_id"}
    rows = told["_embedded"]["statuses"]
    assert [(row["name"], row["type"]) for row in rows] == [("Incoming leads", 1), ("First", 0), ("Second", 0), ("Yes!", 0), ("Lost", 0)]
    assert [row["id"] for row in rows[3:]] == [142, 143]
    assert all(row.keys() >= STATUS for row in rows)
    assert [row["sort"] for row in rows] == sorted(row["sort"] for row in rows)
    assert api.get(f"leads/pipelines/{told['id']}").json()["name"] == "Sales 2"
    everything = api.get("leads/pipelines").json()
    assert (everything["_total_items"], [row["is_main"] for row in everything["_embedded"]["pipelines"]]) == (2, [True, False])
    assert api.patch(f"leads/pipelines/{told['id']}", {"name": "Renamed", "is_main": True}).json()["is_main"] is True
    assert api.delete(f"leads/pipelines/{told['id']}").status_code == 204
    (last,) = api.get("leads/pipelines").json()["_embedded"]["pipelines"]
    assert api.delete(f"leads/pipelines/{last['id']}").status_code == 409
    assert api.post("leads/pipelines", [{"name": ""}]).status_code == 400
    assert api.get("leads/pipelines/999").status_code == 404


def test_statuses_are_added_changed_moved_and_deleted(api: Program) -> None:
    (home,) = api.get("leads/pipelines").json()["_embedded"]["pipelines"]
    at = f"leads/pipelines/{home['id']}/statuses"
    (made_,) = api.post(at, [{"name": "Extra", "sort": 21, "color": "#ffff"}]).json()["_embedded"]["statuses"]
    names = [row["name"] for row in api.get(at).json()["_embedded"]["statuses"]]
    assert names.index("Extra") == 2
    assert api.patch(f"{at}/{made_['id']}", {"name": "More", "color": "#ff8f92"}).json()["color"] == "#ff8f92"
    assert api.patch(f"{at}/143", {"name": "Gone"}).json()["name"] == "Gone"
    assert api.get(f"{at}/143").json()["is_editable"] is False
    (lead,) = made(api, "leads", {"status_id": made_["id"]})
    assert api.delete(f"{at}/{made_['id']}").status_code == 204
    assert api.get(f"leads/{lead}").json()["status_id"] == api.get(at).json()["_embedded"]["statuses"][1]["id"]
    assert [api.delete(f"{at}/{pk}").status_code for pk in (142, 999)] == [400, 404]
    assert api.get(f"{at}/{made_['id']}").status_code == 404
    assert api.get("leads/pipelines/999/statuses").status_code == 404


def test_another_pipelines_status_leads_there(api: Program) -> None:
    (second,) = api.post("leads/pipelines", [{"name": "B", "_embedded": {"statuses": [{"name": "Only"}]}}]).json()["_embedded"]["pipelines"]
    (lead,) = made(api, "leads", {})
    only = second["_embedded"]["statuses"][1]["id"]
    api.patch(f"leads/{lead}", {"status_id": only})
    assert api.get(f"leads/{lead}").json()["pipeline_id"] == second["id"]
    assert api.delete(f"leads/pipelines/{second['id']}").status_code == 409
    api.patch(f"leads/{lead}", {"pipeline_id": second["id"], "status_id": 142})
    assert api.get(f"leads/{lead}").json()["status_id"] == 142


def test_reasons_for_losing(api: Program) -> None:
    (made_,) = api.post("leads/loss_reasons", [{"name": "Too far", "request_id": 1}]).json()["_embedded"]["loss_reasons"]
    assert made_.keys() >= {"id", "name", "sort", "created_at", "updated_at", "request_id"}
    (lead,) = made(api, "leads", {"status_id": 143, "loss_reason_id": made_["id"]})
    assert api.get(f"leads/{lead}?with=loss_reason").json()["_embedded"]["loss_reason"][0]["name"] == "Too far"
    assert api.patch("leads/loss_reasons", [{"id": made_["id"], "name": "Farther"}]).status_code == 200
    assert api.patch(f"leads/loss_reasons/{made_['id']}", {"name": "Far"}).json()["name"] == "Far"
    assert api.delete(f"leads/loss_reasons/{made_['id']}").status_code == 204
    assert "Far" not in [row["name"] for row in api.get("leads/loss_reasons").json()["_embedded"]["loss_reasons"]]
    made(api, "leads", {"status_id": 143})
    assert "No reason given" not in [row["name"] for row in api.get("leads/loss_reasons").json()["_embedded"]["loss_reasons"]]
    assert [api.get("leads/loss_reasons/999").status_code, api.post("leads/loss_reasons", [{"name": ""}]).status_code, api.post("leads", [{"status_id": 143, "loss_reason_id": 999}]).status_code] == [404, 400, 400]


def test_settings_are_for_administrators(api: Program, doors) -> None:
    with doors.unit():
        program = person("manager", name="Mia").email
    mia = program_of(doors, program)
    assert mia.get("leads/pipelines").status_code == 200
    for path in ("leads/pipelines", "leads/loss_reasons"):
        assert mia.post(path, [{"name": "x"}]).status_code == 403


def test_null_takes_the_reason_of_a_lost_lead_away(api: Program, doors) -> None:
    far, late = (row["id"] for row in api.post("leads/loss_reasons", [{"name": "Too far"}, {"name": "Too late"}]).json()["_embedded"]["loss_reasons"])
    one, two, third, open_ = made(api, "leads", *[{"status_id": 143, "loss_reason_id": far}] * 3, {})

    def told(pk: int) -> tuple[int | None, list[int], int]:
        lead = api.get(f"leads/{pk}?with=loss_reason").json()
        return lead["loss_reason_id"], [row["id"] for row in lead["_embedded"]["loss_reason"]], lead["status_id"]

    def changes() -> list[Event]:
        with doors.unit():
            return list(Event.objects.filter(name="deal.changed").order_by("id"))

    assert api.patch(f"leads/{one}", {"name": "A"}).status_code == 200  # not sent: it stays
    assert told(one) == (far, [far], 143)
    before = len(changes())
    assert api.patch("leads", [{"id": one, "loss_reason_id": None, "status_id": 143}, {"id": two, "loss_reason_id": late}, {"id": third, "loss_reason_id": None}, {"id": open_, "loss_reason_id": None}]).status_code == 200
    assert (told(one), told(two), told(open_)[:2]) == ((None, [], 143), (late, [late], 143), (None, []))
    first, second, _third = changes()[before:]
    with doors.unit():
        assert LostReason.objects.filter(archived_at__isnull=False).count() == 1
    assert (first.record_id, first.before["lost_reason_id"], first.after["lost_reason_id"] != far, second.after["lost_reason_id"]) == (one, far, True, late)
    assert "Too far" in doors.client().get(f"/deals/{one}").content.decode()  # its history says what stood there
    assert api.patch(f"leads/{one}", {"loss_reason_id": None}).status_code == 200
    assert len(changes()) == before + 3  # nothing changed
    assert api.patch("leads", [{"id": two, "loss_reason_id": None}, {"id": one, "loss_reason_id": 999}]).status_code == 400
    assert told(two) == (late, [late], 143)
    assert api.patch(f"leads/{two}", {"loss_reason_id": 0}).status_code == 200
    assert told(two) == (None, [], 143)
