"""Links, tags and whole leads at once, through the open API."""

from __future__ import annotations

from typing import Any

from crm_core.groundwork.tags import palette
from crm_core.groundwork.tags.models import Tag
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals.models import Deal
from crm_core.sales.products import services as products
from crm_platform.events.models import Event
from crm_platform.kernel.permissions import robot
from tests.doors.conftest import Program, program_of
from tests.doors.test_records import made
from tests.factories.cast import person


def links(api: Program, path: str) -> list[tuple[str, int, Any]]:
    return [(row["to_entity_type"], row["to_entity_id"], row["metadata"]) for row in api.get(path).json()["_embedded"]["links"]]


def test_how_many_of_an_element_is_said_as_a_number_or_as_text_and_nothing_else(api: Program, doors) -> None:
    (lead,) = made(api, "leads", {})
    with doors.unit():
        product = products.create_product(robot("test"), name="Bread").pk
    catalog = api.post("catalogs", [{"name": "Ovens"}]).json()["_embedded"]["catalogs"][0]["id"]
    element = api.post(f"catalogs/{catalog}/elements", [{"name": "Deck oven"}]).json()["_embedded"]["elements"][0]["id"]

    def link(pk: int, catalog_id: int, quantity: Any) -> int:
        return api.post(f"leads/{lead}/link", [{"to_entity_id": pk, "to_entity_type": "catalog_elements", "metadata": {"catalog_id": catalog_id, "quantity": quantity}}]).status_code

    for pk, home in ((product, 1000), (element, catalog)):
        assert link(pk, home, "3") == 200
        for wrong in ("x", "nan", -1, 10**10, [2], True):
            assert link(pk, home, wrong) == 400, wrong
    assert [(pk, metadata["quantity"]) for _type, pk, metadata in links(api, f"leads/{lead}/links")] == [(product, 3), (element, 3)]


def test_an_element_that_was_deleted_stands_on_no_lead(api: Program) -> None:
    (lead,) = made(api, "leads", {})
    catalog = api.post("catalogs", [{"name": "Ovens"}]).json()["_embedded"]["catalogs"][0]["id"]
    element = api.post(f"catalogs/{catalog}/elements", [{"name": "Deck oven"}]).json()["_embedded"]["elements"][0]["id"]
    api.post(f"leads/{lead}/link", [{"to_entity_id": element, "to_entity_type": "catalog_elements", "metadata": {"catalog_id": catalog}}])
    path = f"leads/{lead}?with=catalog_elements"
    assert [row["id"] for row in api.get(path).json()["_embedded"]["catalog_elements"]] == [element]
    assert api.delete(f"catalogs/{catalog}/elements/{element}").status_code == 204
    assert api.get(path).json()["_embedded"]["catalog_elements"] == []
    assert links(api, f"leads/{lead}/links") == []


def test_links_are_made_from_either_side_and_taken_away(api: Program, doors) -> None:
    (lead,), (company,), (anna, bert) = made(api, "leads", {}), made(api, "companies", {"name": "Bakery"}), made(api, "contacts", {"name": "Anna"}, {"name": "Bert"})
    with doors.unit():
        product = products.create_product(robot("test"), name="Bread").pk
    answer = api.post(f"leads/{lead}/link", [
        {"to_entity_id": anna, "to_entity_type": "contacts", "metadata": None, "entity_type": None, "entity_id": None},
        {"to_entity_id": company, "to_entity_type": "companies"}, {"to_entity_id": product, "to_entity_type": "catalog_elements", "metadata": {"quantity": 2.5, "catalog_id": 1000}},
    ])  # fmt: skip
    assert answer.status_code == 200
    assert answer.json()["_embedded"]["links"][0].keys() == {"entity_id", "entity_type", "to_entity_id", "to_entity_type", "metadata"}
    assert api.post(f"contacts/{bert}/link", {"to_entity_id": lead, "to_entity_type": "leads", "metadata": {"is_main": True}}).status_code == 200
    assert api.post("companies/link", [{"entity_id": company, "to_entity_id": anna, "to_entity_type": "contacts"}]).status_code == 200
    assert links(api, f"leads/{lead}/links") == [
        ("contacts", bert, {"main_contact": True}), ("contacts", anna, {"main_contact": False}), ("companies", company, None),
        ("catalog_elements", product, {"quantity": 2.5, "catalog_id": 1000, "price_id": None}),
    ]  # fmt: skip
    assert links(api, f"leads/{lead}/links?filter[to_entity_type]=companies") == [("companies", company, None)]
    assert links(api, f"leads/{lead}/links?filter[to_catalog_id]=1000") == [("catalog_elements", product, {"quantity": 2.5, "catalog_id": 1000, "price_id": None})]
    assert links(api, f"leads/links?filter[entity_id][]={lead}&filter[to_catalog_id]=1001") == []
    assert links(api, f"contacts/links?filter[entity_id][]={anna}&filter[entity_id][]={bert}") == [("leads", lead, None), ("leads", lead, None), ("companies", company, None)]
    assert api.get("contacts/links").status_code == 400
    for path, body in ((f"leads/{lead}/unlink", {"to_entity_id": anna, "to_entity_type": "contacts"}), (f"companies/{company}/unlinks", {"to_entity_id": lead, "to_entity_type": "leads"}), ("leads/unlink", {"entity_id": lead, "to_entity_id": product, "to_entity_type": "catalog_elements"})):
        assert api.post(path, [body]).status_code == 204, path
    assert links(api, f"leads/{lead}/links") == [("contacts", bert, {"main_contact": True})]


def test_links_to_what_is_not_there_change_nothing(api: Program, make_door) -> None:
    (lead,), (anna,) = made(api, "leads", {}), made(api, "contacts", {"name": "Anna"})
    good = {"to_entity_id": anna, "to_entity_type": "contacts"}
    for wrong in ({"to_entity_id": 999, "to_entity_type": "contacts"}, {"to_entity_id": anna, "to_entity_type": "spoons"}, {"to_entity_type": "contacts"}, {"to_entity_id": "x", "to_entity_type": "contacts"}):
        assert api.post(f"leads/{lead}/link", [good, wrong]).status_code == 400, wrong
    assert api.post("leads/link", [good]).status_code == 400
    assert api.post("leads/999/link", [good]).status_code == 404
    assert links(api, f"leads/{lead}/links") == []
    stranger = program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example"))
    assert stranger.get(f"leads/{lead}/links").status_code == 404
    assert stranger.post(f"leads/{lead}/link", [good]).status_code == 404


def test_a_whole_lead_comes_at_once_and_knows_whom_we_know(api: Program, doors) -> None:
    person = {"first_name": "Anna", "custom_fields_values": [{"field_code": "PHONE", "values": [{"value": "+31205550188", "enum_code": "WORK"}]}]}
    body = [{"name": "Bread", "price": 100, "request_id": "r", "_embedded": {"tags": [{"name": "site"}], "contacts": [person], "companies": [{"name": "Bakery"}]}}]
    first, = api.post("leads/complex", body).json()
    assert first.keys() == {"id", "contact_id", "company_id", "request_id", "merged"}
    assert (first["request_id"], first["merged"]) == (["r"], False)
    again, = api.post("leads/complex", body).json()
    assert (again["contact_id"], again["company_id"], again["merged"]) == (first["contact_id"], first["company_id"], True)
    assert links(api, f"leads/{again['id']}/links") == [("contacts", first["contact_id"], {"main_contact": True}), ("companies", first["company_id"], None)]
    assert api.post("leads/complex", [{}]).json()[0]["contact_id"] is None
    for wrong in ({"contacts": [{"id": 999}]}, {"contacts": [{"name": "a"}, {"name": "b"}]}, {"companies": [{"custom_fields_values": [{"field_id": 1}]}]}):
        assert api.post("leads/complex", [{"_embedded": {"contacts": [{"name": "New"}]}}, {"_embedded": wrong}]).status_code == 400, wrong
    assert api.post("leads/complex", [{}] * 51).status_code == 400
    with doors.unit():
        assert (Deal.objects.count(), Contact.objects.count()) == (3, 1)


def test_whom_a_whole_lead_knows_gets_what_is_new(api: Program, doors) -> None:
    def person(**values: str) -> dict[str, Any]:
        return {"name": "Anna", "custom_fields_values": [{"field_code": code, "values": [{"value": value}]} for code, value in {"PHONE": "+31205550188", **values}.items()]}

    (first,) = api.post("leads/complex", [{"_embedded": {"contacts": [person(POSITION="Baker")]}}]).json()
    more = {**person(POSITION="Owner", EMAIL="anna@bakery.example", IM="anna"), "_embedded": {"tags": [{"name": "warm"}]}}
    (again,) = api.post("leads/complex", [{"_embedded": {"contacts": [more]}}]).json()
    assert (again["contact_id"], again["merged"]) == (first["contact_id"], True)
    told = api.get(f"contacts/{first['contact_id']}").json()
    values = {one["field_code"]: one["values"][0]["value"] for one in told["custom_fields_values"]}
    assert (values, [tag["name"] for tag in told["_embedded"]["tags"]]) == ({"POSITION": "Baker", "PHONE": "+31205550188", "EMAIL": "anna@bakery.example", "IM": "anna"}, ["warm"])
    with doors.unit():
        changes = Event.objects.filter(name="contact.changed").count()
    api.post("leads/complex", [{"_embedded": {"contacts": [more]}}])
    with doors.unit():
        assert Event.objects.filter(name="contact.changed").count() == changes  # there is nothing new


def test_tags_are_listed_and_made_and_edited(api: Program) -> None:
    assert api.get("leads/tags").status_code == 204
    told = api.post("leads/tags", [{"name": "VIP"}, {"name": "vip", "request_id": 4}, {"name": "New"}]).json()["_embedded"]["tags"]
    assert (told[0]["id"] == told[1]["id"], told[1]["request_id"], {*told[2]}) == (True, "4", {"id", "name", "color", "request_id"})
    assert [row["name"] for row in api.get("leads/tags").json()["_embedded"]["tags"]] == ["New", "VIP"]
    assert [row["name"] for row in api.get("leads/tags?query=v").json()["_embedded"]["tags"]] == ["VIP"]
    assert api.get("leads/tags?filter[id][]=999").status_code == 204
    assert api.post("contacts/tags", [{"name": " "}]).status_code == 400
    (lead,) = made(api, "leads", {"_embedded": {"tags": [{"id": told[0]["id"]}, {"name": "third"}]}})

    def tags() -> set[str]:
        return {tag["name"] for tag in api.get(f"leads/{lead}").json()["_embedded"]["tags"]}

    assert tags() == {"VIP", "third"}
    api.patch(f"leads/{lead}", {"tags_to_add": [{"name": "New"}], "tags_to_delete": [{"id": told[0]["id"]}, {"name": "Third"}]})
    assert tags() == {"New"}
    api.patch(f"leads/{lead}", {"_embedded": {"tags": None}})
    assert tags() == set()
    assert api.patch(f"leads/{lead}", {"_embedded": {"tags": [{"id": 999}]}}).status_code == 400
    api.patch(f"leads/{lead}", {"tags_to_add": [{"name": one} for one in ("Счёт", "Café  noir", "O'Neil", "VIP")]})
    api.patch(f"leads/{lead}", {"tags_to_delete": [{"name": one} for one in ("Счёт", "CAFÉ noir", "O’Neil")]})
    assert tags() == {"VIP"}


def test_who_writes_no_records_makes_no_tags(api: Program, doors) -> None:
    with doors.unit():
        mia, sam = person("viewer", name="Mia").email, person("seller", name="Sam").email
    for path in ("leads/tags", "contacts/tags", "companies/tags", "customers/tags"):
        answer = program_of(doors, mia).post(path, [{"name": "Mine", "color": "FFC8C8"}])
        assert (answer.status_code, api.get(path).status_code) == (403, 204), path
        assert program_of(doors, sam).post(path, [{"name": "Ours"}]).status_code == 200, path


def test_a_tag_gets_another_word(api: Program, doors) -> None:
    one, two = (row["id"] for row in api.post("leads/tags", [{"name": "VIP"}, {"name": "New"}]).json()["_embedded"]["tags"])
    (lead,) = made(api, "leads", {"_embedded": {"tags": [{"id": one}]}})
    told = api.patch("leads/tags", [{"id": one, "name": "Very important", "color": "D0D0D0", "request_id": 4}]).json()["_embedded"]["tags"]
    assert told == [{"id": one, "name": "Very important", "color": "D0D0D0", "request_id": "4"}]
    assert [tag["name"] for tag in api.get(f"leads/{lead}").json()["_embedded"]["tags"]] == ["Very important"]
    for wrong in ({"id": two, "name": "mINE"}, {"id": two, "name": " "}, {"id": 999, "name": "x"}, {"name": "x"}):
        assert api.patch("leads/tags", [{"id": one, "name": "Mine"}, wrong]).status_code == 400, wrong
    assert api.patch("contacts/tags", [{"id": one, "name": "Mine"}]).status_code == 400  # it is no tag of theirs
    with doors.unit():
        sam = person("seller", name="Sam").email
    assert program_of(doors, sam).patch("leads/tags", [{"id": one, "name": "Mine"}]).status_code == 403
    assert {row["name"] for row in api.get("leads/tags").json()["_embedded"]["tags"]} == {"Very important", "New"}
    with doors.unit():
        (event,) = Event.objects.filter(name="tag.renamed")
        assert (event.record_id, event.before, event.after["name"]) == (one, {"name": "VIP"}, "Very important")


def test_tags_of_leads_have_a_colour_of_the_palette(api: Program, doors) -> None:
    told = api.post("leads/tags", [{"name": "VIP", "color": "247BA0"}, {"name": "vip", "color": "9D2B32"}, {"name": "Plain"}, {"name": "New", "color": "#d0d0d0"}]).json()["_embedded"]["tags"]
    assert [row["color"] for row in told] == ["247BA0", "247BA0", None, "D0D0D0"]
    vip, _vip, plain, _new = (row["id"] for row in told)
    assert api.post("leads/tags", [{"name": "VIP", "color": "9D2B32"}, {"name": "Plain"}]).json()["_embedded"]["tags"][0]["color"] == "247BA0"  # it keeps its own
    (lead,) = made(api, "leads", {"_embedded": {"tags": [{"id": vip}, {"id": plain}]}})

    def shown() -> dict[str, str | None]:
        return {tag["name"]: tag["color"] for tag in api.get(f"leads/{lead}").json()["_embedded"]["tags"]}

    assert shown() == {"VIP": "247BA0", "Plain": None}
    assert {row["name"]: row["color"] for row in api.get("leads/tags").json()["_embedded"]["tags"]} == {"VIP": "247BA0", "Plain": None, "New": "D0D0D0"}
    assert api.patch("leads/tags", [{"id": plain, "color": "9D2B32"}, {"id": vip, "color": None}]).json()["_embedded"]["tags"][1]["color"] is None
    assert shown() == {"VIP": None, "Plain": "9D2B32"}
    with doors.unit():
        (plains,) = Event.objects.filter(name="tag.recoloured", record_id=plain)
        assert (plains.before, plains.after) == ({"colour": ""}, {"entity": "deal", "colour": "9D2B32"})
        assert Tag.objects.get(pk=plain).hue == palette.HUES["9D2B32"]  # screens show what comes nearest
    api.patch("leads/tags", [{"id": plain, "color": "9D2B32"}, {"id": vip, "name": "VIP"}])
    with doors.unit():
        assert Event.objects.filter(name="tag.recoloured").count() == 2  # nothing changed


def test_a_colour_beyond_the_palette_is_refused(api: Program, doors) -> None:
    for wrong in ("000000", "red", 5, ["D0D0D0"]):
        assert api.post("leads/tags", [{"name": "Good", "color": "D0D0D0"}, {"name": "Bad", "color": wrong}]).status_code == 400, wrong
    assert api.get("leads/tags").status_code == 204
    one, two = (row["id"] for row in api.post("leads/tags", [{"name": "VIP", "color": "D0D0D0"}, {"name": "New"}]).json()["_embedded"]["tags"])
    answer = api.patch("leads/tags", [{"id": one, "color": "247BA0"}, {"id": two, "color": "000000"}])
    assert (answer.status_code, answer.json()["validation-errors"][0]["errors"][0]["path"]) == (400, "color")
    with doors.unit():
        sam = person("seller", name="Sam").email
    assert program_of(doors, sam).patch("leads/tags", [{"id": one, "color": "247BA0"}]).status_code == 403
    assert {row["name"]: row["color"] for row in api.get("leads/tags").json()["_embedded"]["tags"]} == {"VIP": "D0D0D0", "New": None}
    # Those of contacts have none, as in the API.
    assert api.post("contacts/tags", [{"name": "VIP", "color": "000000"}]).json()["_embedded"]["tags"][0]["color"] is None
    assert api.post("contacts/tags", [{"name": "VIP", "color": "D0D0D0"}], X_Strict="1").status_code == 400
