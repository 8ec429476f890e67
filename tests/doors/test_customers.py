"""Customers through the open API, with their links, notes, purchases, segments and statuses."""

from __future__ import annotations

from typing import Any

from crm_core.engagement.tasks.models import Task
from crm_platform.events.models import Event
from tests.doors.conftest import Program, program_of
from tests.doors.test_catalogs import first, rows
from tests.doors.test_records import listed, made
from tests.factories.cast import person

CUSTOMER = {
    "id", "name", "next_price", "next_date", "responsible_user_id", "status_id", "periodicity", "created_by", "updated_by", "created_at", "updated_at", "closest_task_at", "is_deleted",
    "custom_fields_values", "ltv", "purchases_count", "average_check", "account_id", "_links", "_embedded",
}  # fmt: skip
DAY = 1_900_000_000


def test_customers_are_made_changed_found_and_deleted(api: Program, doors) -> None:
    field = first(api.post("customers/custom_fields", [{"name": "Size", "type": "numeric"}]), 201)["id"]
    segment = api.post("customers/segments", {"name": "Big", "color": "ae003f"}).json()["id"]
    body = {"name": "Bakery", "next_price": "500", "next_date": DAY, "_embedded": {"tags": [{"name": "VIP"}], "segments": [{"id": segment}]}, "custom_fields_values": [{"field_id": field, "values": [{"value": 3}]}], "request_id": 5, "status_id": None, "junk": {}}
    answer = api.post("customers", [body, {}])
    one, two = answer.json()["_embedded"]["customers"]
    assert ([*one], one["request_id"], two["request_id"]) == (["id", "request_id", "_links"], "5", "1")
    told = api.get(f"customers/{one['id']}?with=contacts,companies,catalog_elements").json()
    assert told.keys() == CUSTOMER
    assert (told["name"], told["next_price"], told["next_date"], told["ltv"], told["_embedded"]["segments"][0]["id"], told["custom_fields_values"][0]["values"]) == ("Bakery", 500, DAY, 0, segment, [{"value": "3"}])
    assert ([tag["name"] for tag in told["_embedded"]["tags"]], told["_embedded"]["contacts"]) == (["VIP"], [])
    assert [tag["name"] for tag in rows(api, "customers/tags")] == ["VIP"]
    assert listed(api, f"customers?filter[id][0]={one['id']}&filter[next_price][from]=400") == [one["id"]]
    assert listed(api, "customers?filter[name]=Bakery") == listed(api, "customers?query=bak") == listed(api, f"customers?filter[custom_fields_values][{field}]=3") == [one["id"]]
    changed = api.patch("customers", [{"id": two["id"], "name": "Mill", "created_at": 1, "tags_to_add": [{"name": "New"}]}]).json()["_embedded"]["customers"][0]
    assert changed.keys() == {"id", "updated_at", "request_id", "_links"}
    assert api.patch(f"customers/{one['id']}", {"next_price": None, "_embedded": {"tags": None}}).status_code == 200
    told = api.get(f"customers/{one['id']}").json()
    assert (told["next_price"], told["name"], told["_embedded"]["tags"]) == (0, "Bakery", [])
    assert api.delete(f"customers/{one['id']}").status_code == 204
    assert (api.get(f"customers/{one['id']}").status_code, api.get(f"customers/{one['id']}", Prefer="status=404").status_code, listed(api, "customers")) == (204, 404, [two["id"]])
    with doors.unit():
        assert Event.objects.filter(name="customer.added").count() == 2


def test_wrong_customers_are_told_and_none_is_kept(api: Program) -> None:
    for wrong in ({"next_price": "much"}, {"responsible_user_id": 999}, {"status_id": 999}, {"_embedded": {"segments": [{"id": 999}]}}, {"_embedded": {"segments": ["x"]}}, {"custom_fields_values": [{"field_id": 1}]}, {"_embedded": {"tags": [{"id": 999}]}}):
        answer = api.post("customers", [{"name": "fine"}, wrong])
        assert (answer.status_code, answer.json()["validation-errors"][0]["request_id"]) == (400, "1"), wrong
    assert api.get("customers").status_code == 204
    assert [api.patch("customers/999", {"name": "x"}).status_code, api.patch("customers", [{"id": 999}]).status_code, api.delete("customers/999").status_code] == [404, 400, 404]


def test_the_mode_decides_what_is_needed(api: Program) -> None:
    assert api.patch("customers/mode", {"mode": "periodicity", "is_enabled": True}).json() == {"mode": "periodicity", "is_enabled": True}
    assert api.get("account").json()["customers_mode"] == "periodicity"
    assert api.post("customers", [{"name": "x"}]).status_code == 400
    assert api.post("customers", [{"name": "x", "next_date": DAY}]).status_code == 200
    assert api.patch("customers/mode", {"mode": "spoons"}).status_code == 400
    assert api.patch("customers/mode", {"mode": "segments"}).json()["mode"] == "segments"


def test_links_of_customers(api: Program) -> None:
    (customer,), (anna,), (firm,) = made(api, "customers", {"name": "C"}), made(api, "contacts", {"name": "Anna"}), made(api, "companies", {"name": "Bakery"})
    product = first(api.post("catalogs/1000/elements", [{"name": "Loaf"}]))["id"]
    body = [
        {"to_entity_id": anna, "to_entity_type": "contacts", "metadata": {"is_main": True}, "entity_id": None}, {"to_entity_id": firm, "to_entity_type": "companies", "metadata": None},
        {"to_entity_id": product, "to_entity_type": "catalog_elements", "metadata": {"quantity": 2, "catalog_id": 1000}},
    ]  # fmt: skip
    told = api.post(f"customers/{customer}/link", body).json()
    assert (told["_total_items"], [row["entity_id"] for row in told["_embedded"]["links"]]) == (3, [customer] * 3)
    assert api.post("customers/link", [{**body[0], "entity_id": customer}]).status_code == 200
    links = rows(api, f"customers/{customer}/links")
    assert links == [
        {"to_entity_id": anna, "to_entity_type": "contacts", "metadata": {"main_contact": True}}, {"to_entity_id": firm, "to_entity_type": "companies", "metadata": None},
        {"to_entity_id": product, "to_entity_type": "catalog_elements", "metadata": {"quantity": 2, "catalog_id": 1000, "price_id": None}},
    ]  # fmt: skip
    assert [row["to_entity_id"] for row in rows(api, f"customers/links?filter[entity_id][]={customer}&filter[to_entity_type]=companies")] == [firm]
    embedded = api.get(f"customers/{customer}?with=contacts,catalog_elements").json()["_embedded"]
    assert (embedded["contacts"][0]["id"], embedded["catalog_elements"][0]["id"]) == (anna, product)
    assert [row["id"] for row in api.get(f"contacts/{anna}?with=customers").json()["_embedded"]["customers"]] == [customer]
    assert api.post(f"customers/{customer}/unlink", [body[1]]).status_code == 204
    assert api.post(f"customers/{customer}/unlink", [body[1]]).status_code == 204
    assert len(rows(api, f"customers/{customer}/links")) == 2
    for wrong in ({"to_entity_id": 999, "to_entity_type": "contacts"}, {"to_entity_id": firm, "to_entity_type": "spoons"}, {"to_entity_type": "contacts"}):
        assert api.post(f"customers/{customer}/link", [body[1], wrong]).status_code == 400, wrong
    assert len(rows(api, f"customers/{customer}/links")) == 2
    assert [api.get("customers/links").status_code, api.get("customers/999/links").status_code, api.post("customers/999/link", body).status_code] == [400, 404, 404]


def test_tasks_are_of_customers_too(api: Program, doors) -> None:
    (customer, other), (lead,) = made(api, "customers", {"name": "C"}, {"name": "D"}), made(api, "leads", {})
    assert customer == lead  # the numbers are the same, the tasks are not
    task, on_lead = (api.post("tasks", [{"text": "Call", "complete_till": 1_900_000_000 + at, "entity_type": kind, "entity_id": customer}]).json()["_embedded"]["tasks"][0]["id"] for at, kind in enumerate(("customers", "leads")))
    told = api.get(f"tasks/{task}").json()
    assert (told["entity_type"], told["entity_id"]) == ("customers", customer)
    for query, found in (
        ("filter[entity_type]=customers", [task]), (f"filter[entity_type][]=customers&filter[entity_id][]={customer}", [task]), (f"filter[entity_type]=leads&filter[entity_id]={lead}", [on_lead]),
        (f"filter[entity_id]={customer}", [task, on_lead]), (f"filter[entity_type]=customers&filter[entity_id]={other}", []), ("filter[entity_type]=contacts", []),
    ):  # fmt: skip
        answer = api.get(f"tasks?{query}")
        assert ([row["id"] for row in answer.json()["_embedded"]["tasks"]] if answer.status_code == 200 else []) == found, query
    assert api.get(f"customers/{customer}").json()["closest_task_at"] == 1_900_000_000
    assert api.get(f"customers/{other}").json()["closest_task_at"] is None
    api.patch(f"tasks/{task}", {"is_completed": True})
    assert api.get(f"customers/{customer}").json()["closest_task_at"] is None
    with doors.unit():
        before = Task.objects.count()
    assert api.post("tasks", [{"text": "Call", "complete_till": 1_900_000_000, "entity_type": "customers", "entity_id": 999}]).status_code == 400
    with doors.unit():
        assert Task.objects.count() == before


def test_what_was_bought_is_there(api: Program) -> None:
    (customer,), product = made(api, "customers", {"name": "C"}), first(api.post("catalogs/1000/elements", [{"name": "Bread"}]))["id"]

    def bought(**element: Any) -> int:
        return api.post(f"customers/{customer}/transactions", [{"price": 5, "_embedded": {"catalog_elements": [element]}}]).status_code

    assert [bought(id=product, metadata={"catalog_id": 1000, "quantity": 1.5}), bought(id=product)] == [200, 200]
    assert [bought(id=999), bought(id=product, metadata={"catalog_id": 1001}), bought(), bought(id=product, metadata={"quantity": "many"})] == [400] * 4
    kept = api.get(f"customers/{customer}/transactions").json()["_embedded"]["transactions"]
    assert [one["_embedded"]["catalog_elements"][0]["metadata"]["quantity"] for one in kept] == [1.5, None]


def test_contacts_and_companies_are_linked_with_elements(api: Program, doors) -> None:
    (anna,), (firm,), (lead,) = made(api, "contacts", {"name": "Anna"}), made(api, "companies", {"name": "Bakery"}), made(api, "leads", {})
    assert anna == firm == lead  # the numbers are the same, the links are not
    catalog = first(api.post("catalogs", [{"name": "Cars"}]))["id"]
    element, product = (first(api.post(f"catalogs/{home}/elements", [{"name": "Transit"}]))["id"] for home in (catalog, 1000))
    body = [{"to_entity_id": pk, "to_entity_type": "catalog_elements", "metadata": {"catalog_id": home, "quantity": 2, "price_id": 7}} for pk, home in ((element, catalog), (product, 1000))]
    for plural, pk in (("contacts", anna), ("companies", firm)):
        assert api.post(f"{plural}/{pk}/link", body).status_code == 200
        assert rows(api, f"{plural}/{pk}/links") == body
        beside = api.get(f"{plural}/{pk}?with=catalog_elements").json()["_embedded"]["catalog_elements"]
        assert beside == [{"id": row["to_entity_id"], "metadata": row["metadata"]} for row in body]
        for wrong in ({**body[0], "to_entity_id": 999}, {**body[1], "to_entity_id": 999}):
            assert api.post(f"{plural}/{pk}/link", [wrong]).status_code == 400, wrong
    assert api.get(f"leads/{lead}?with=catalog_elements").json()["_embedded"]["catalog_elements"] == []
    assert api.post(f"contacts/{anna}/unlink", body).status_code == 204
    assert (rows(api, f"contacts/{anna}/links"), len(rows(api, f"companies/{firm}/links"))) == ([], 2)


def test_links_with_what_is_kept_are_made_from_the_records_side(api: Program, doors) -> None:
    (customer,), (anna,), (lead,) = made(api, "customers", {"name": "C"}), made(api, "contacts", {"name": "Anna"}), made(api, "leads", {})
    catalog = first(api.post("catalogs", [{"name": "Cars"}]))["id"]
    element = first(api.post(f"catalogs/{catalog}/elements", [{"name": "Transit"}]))["id"]
    to_customer, to_element = {"to_entity_id": customer, "to_entity_type": "customers"}, {"to_entity_id": element, "to_entity_type": "catalog_elements", "metadata": {"catalog_id": catalog, "quantity": 3}}
    for _twice in range(2):
        assert [api.post(f"contacts/{anna}/link", [to_customer]).status_code, api.post(f"leads/{lead}/link", [to_element]).status_code] == [200, 200]
    assert [row["to_entity_id"] for row in rows(api, f"contacts/{anna}/links")] == [customer]
    assert [row["to_entity_id"] for row in rows(api, f"customers/{customer}/links")] == [anna]
    assert rows(api, f"leads/{lead}/links") == [{"to_entity_id": element, "to_entity_type": "catalog_elements", "metadata": {"quantity": 3, "catalog_id": catalog, "price_id": None}}]
    assert api.get(f"leads/{lead}?with=catalog_elements").json()["_embedded"]["catalog_elements"][0]["id"] == element
    for wrong in ({**to_element, "to_entity_id": 999}, {**to_element, "metadata": {"catalog_id": 999}}, {**to_customer, "to_entity_id": 999}):
        assert api.post(f"{'contacts' if 'metadata' not in wrong else 'leads'}/{anna if 'metadata' not in wrong else lead}/link", [wrong]).status_code == 400, wrong
    with doors.unit():
        sam = person("seller", name="Sam").email
    assert program_of(doors, sam).post(f"contacts/{anna}/unlink", [to_customer]).status_code in (403, 404)
    assert [api.post(f"contacts/{anna}/unlink", [to_customer]).status_code, api.post(f"leads/{lead}/unlink", [to_element]).status_code] == [204, 204]
    assert rows(api, f"contacts/{anna}/links") == rows(api, f"leads/{lead}/links") == rows(api, f"customers/{customer}/links") == []


def test_notes_of_customers(api: Program) -> None:
    (pk,) = made(api, "customers", {"name": "C"})
    told = api.post("customers/notes", [{"entity_id": pk, "note_type": "common", "params": {"text": "Hello"}, "request_id": 2}, {"entity_id": pk, "note_type": "sms_in", "params": {"text": "Hi", "phone": "1"}}]).json()["_embedded"]["notes"]
    assert ([*told[0]], told[0]["entity_id"], told[0]["request_id"]) == (["id", "entity_id", "request_id", "_links"], pk, "2")
    one = f"customers/{pk}/notes/{told[0]['id']}"
    assert api.get(one).json().keys() >= {"id", "entity_id", "note_type", "params", "created_by", "responsible_user_id", "group_id", "account_id"}
    assert api.patch(one, {"params": {"text": "Bye"}}).json()["entity_id"] == pk
    assert api.patch(f"customers/{pk}/notes", [{"id": told[1]["id"], "params": {"phone": "2"}}]).status_code == 200
    assert [row["params"] for row in rows(api, f"customers/{pk}/notes")] == [{"text": "Bye"}, {"text": "Hi", "phone": "2"}]
    assert [api.post(f"{one}/pin", None).status_code, api.get(f"{one}?with=is_pinned").json()["is_pinned"], api.post(f"{one}/unpin", None).status_code] == [204, True, 204]
    for wrong in ({"params": {"text": ""}}, {"note_type": "nonsense", "params": {"text": "x"}}, {"params": "x"}):
        assert api.post(f"customers/{pk}/notes", [wrong]).status_code == 400, wrong
    assert [api.post("customers/notes", [{"entity_id": 999, "params": {"text": "x"}}]).status_code, api.get("customers/999/notes").status_code] == [400, 404]
    assert [api.delete(one).status_code, api.get(one).status_code] == [204, 404]


def test_what_is_awaited_after_a_purchase_is_read_with_the_purchase(api: Program) -> None:
    (customer,) = made(api, "customers", {"name": "A", "next_date": DAY, "next_price": 7})
    for wrong in ({"next_price": "much"}, {"next_price": 2**40 + 1}, {"next_price": -(10**17)}, {"next_date": "soon"}):
        answer = api.post(f"customers/{customer}/transactions", [{"price": 5}, {"price": 5, **wrong}])
        assert (answer.status_code, next(iter(wrong)) in answer.content.decode()) == (400, True), wrong
    assert (api.get("customers/transactions").status_code, api.get(f"customers/{customer}").json()["next_price"]) == (204, 7)
    api.post(f"customers/{customer}/transactions", [{"price": 5, "next_price": "9", "next_date": None}])
    told = api.get(f"customers/{customer}").json()
    assert (told["next_price"], told["next_date"]) == (9, DAY)


def test_purchases_and_points(api: Program) -> None:
    (pk,) = made(api, "customers", {"name": "C"})
    at = f"customers/{pk}/transactions"
    answer = api.post(f"{at}?accrue_bonus=true", [{"price": 100, "comment": "Bread", "completed_at": DAY, "next_price": 150, "request_id": "t"}, {"price": "51"}])
    one = first(answer)
    assert one.keys() >= {"id", "price", "comment", "completed_at", "customer_id", "created_by", "updated_by", "created_at", "updated_at", "is_deleted", "account_id", "request_id"}
    assert (one["customer_id"], one["_embedded"]["customer"]["id"], one["completed_at"], one["request_id"]) == (pk, pk, DAY, "t")
    told = api.get(f"customers/{pk}").json()
    assert (told["ltv"], told["purchases_count"], told["average_check"], told["next_price"]) == (151, 2, 75, 150)
    assert len(rows(api, "customers/transactions")) == len(rows(api, at)) == 2
    assert api.get(f"customers/transactions/{one['id']}").json()["price"] == 100
    assert api.post(at, [{"comment": "x"}]).status_code == 400
    assert [api.delete(f"customers/transactions/{one['id']}").status_code, api.get(f"{at}/{one['id']}").status_code, api.post("customers/999/transactions", [{"price": 1}]).status_code] == [204, 404, 404]
    assert api.post(f"customers/{pk}/bonus_points", {"earn": 50}).json() == {"bonus_points": 50}
    assert api.post(f"customers/{pk}/bonus_points", {"redeem": "20"}).json() == {"bonus_points": 30}
    assert [api.post(f"customers/{pk}/bonus_points", body).status_code for body in ({"redeem": 31}, {}, {"earn": -1})] == [400] * 3
    assert api.post("customers/999/bonus_points", {"earn": 1}).status_code == 404


def test_statuses_and_segments(api: Program) -> None:
    status = first(api.post("customers/statuses", [{"name": "New", "sort": 5, "request_id": 1}]))
    assert status.keys() >= {"id", "name", "sort", "is_default", "conditions", "color", "type", "account_id", "request_id"}
    assert api.patch(f"customers/statuses/{status['id']}", {"name": "Regular"}).json()["name"] == "Regular"
    assert api.get("customers/statuses").json()["_total_items"] == 1
    (customer,) = made(api, "customers", {"status_id": status["id"]})
    assert listed(api, f"customers?filter[status_id]={status['id']}") == [customer]
    assert [api.delete(f"customers/statuses/{status['id']}").status_code, api.get(f"customers/statuses/{status['id']}").status_code] == [204, 404]
    segment = api.post("customers/segments", {"name": "Big", "color": "ae003f"}).json()
    assert segment.keys() >= {"id", "name", "color", "created_at", "updated_at", "account_id", "available_products_price_types", "customers_count", "custom_fields_values"}
    api.patch(f"customers/{customer}", {"_embedded": {"segments": [{"id": segment["id"]}]}})
    told = api.get("customers/segments").json()
    assert (told["_total_items"], told["_page_count"], told["_embedded"]["segments"][0]["customers_count"]) == (1, 1, 1)
    assert api.patch(f"customers/segments/{segment['id']}", {"name": "Bigger"}).json()["name"] == "Bigger"
    assert [api.delete(f"customers/segments/{segment['id']}").status_code, api.get("customers/segments").status_code, api.post("customers/segments", {}).status_code] == [204, 204, 400]


def test_whose_customers_they_are(api: Program, doors, make_door, count_statements) -> None:
    (pk,) = made(api, "customers", {"name": "C"})
    with doors.unit():
        people = {role: person(role, name=role.title()).email for role in ("seller", "viewer")}
    seller, viewer = (program_of(doors, people[role]) for role in ("seller", "viewer"))
    assert [seller.patch(f"customers/{pk}", {"name": "D"}).status_code, seller.delete(f"customers/{pk}").status_code, seller.post("customers/statuses", [{"name": "x"}]).status_code] == [200, 403, 403]
    assert [viewer.get(f"customers/{pk}").status_code, viewer.patch(f"customers/{pk}", {"name": "E"}).status_code] == [200, 403]
    stranger = program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example"))
    assert [stranger.get(f"customers/{pk}").status_code, stranger.get("customers").status_code, stranger.patch(f"customers/{pk}", {"name": "x"}).status_code, stranger.get(f"customers/{pk}/links").status_code] == [204, 204, 404, 404]
    everything: Any = "customers?with=contacts,companies,catalog_elements"
    api.get(everything)
    with count_statements() as one:
        api.get(everything)
    made(api, "customers", {"name": "x"}, {"name": "y"})
    api.get(everything)
    with count_statements() as three:
        assert len(rows(api, everything)) == 3
    assert one() == three()


def test_customers_are_found_by_when_their_nearest_task_is_due(api: Program) -> None:
    soon, late, _none = (row["id"] for row in api.post("customers", [{"name": name} for name in "ABC"]).json()["_embedded"]["customers"])
    for at, customer in ((5, soon), (90, soon), (50, late)):
        assert api.post("tasks", [{"text": "Call", "complete_till": 1_900_000_000 + at, "entity_type": "customers", "entity_id": customer}]).status_code == 200
    for asked, found in (("[to]=1900000010", [soon]), ("[from]=1900000010", [late]), ("[from]=1900000000&filter[closest_task_at][to]=1900000060", [soon, late]), ("[from]=1900000060", [])):
        answer = api.get(f"customers?filter[closest_task_at]{asked}", X_Strict="1")
        assert [row["id"] for row in (answer.json()["_embedded"]["customers"] if answer.status_code == 200 else [])] == found, asked
