"""Catalogs and their elements through the open API: the products' and a program's own."""

from __future__ import annotations

from typing import Any

from crm_core.sales.products.models import Product
from crm_platform.events.models import Event
from tests.doors.conftest import Program, program_of
from tests.factories.cast import person

CATALOG = {"id", "name", "created_by", "updated_by", "created_at", "updated_at", "sort", "type", "can_add_elements", "can_show_in_cards", "can_link_multiple", "can_be_deleted", "sdk_widget_code", "account_id", "_links"}
ELEMENT = {"id", "catalog_id", "name", "created_by", "updated_by", "created_at", "updated_at", "is_deleted", "custom_fields_values", "account_id", "_links"}


def rows(api: Program, path: str) -> list[dict[str, Any]]:
    answer = api.get(path)
    assert answer.status_code in (200, 204), answer.content
    if answer.status_code == 204:
        return []
    (found,) = answer.json()["_embedded"].values()
    return list(found)


def first(answer: Any, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    (found,) = answer.json()["_embedded"].values()
    return dict(found[0])


def test_catalogs_are_made_changed_and_deleted(api: Program) -> None:
    (products,) = rows(api, "catalogs")
    assert (products["id"], products["type"], products["can_be_deleted"], products.keys()) == (1000, "products", False, CATALOG)
    made = first(api.post("catalogs", [{"name": "Cars", "type": "regular", "sort": None, "request_id": 7, "nonsense": 1}]))
    assert (made["request_id"], made["type"], made["sort"], made["id"] > 1000, made["can_be_deleted"]) == ("7", "regular", 10, True, True)
    one = f"catalogs/{made['id']}"
    assert api.get(one).json() == {name: made[name] for name in CATALOG}
    assert [row["id"] for row in rows(api, "catalogs?type=products")] == [1000]
    assert [row["id"] for row in rows(api, "catalogs?filter[type]=regular")] == [made["id"]]
    assert first(api.patch("catalogs", [{"id": made["id"], "name": "Vans", "created_by": 5}]))["name"] == "Vans"
    assert api.patch(one, {"sort": 30}).json()["sort"] == 30
    element = first(api.post(f"{one}/elements", [{"name": "Transit"}]))
    assert api.delete(one).status_code == 204
    assert [api.get(path).status_code for path in (one, f"{one}/elements", f"{one}/elements/{element['id']}", "catalogs/999", "catalogs/5")] == [404] * 5
    assert api.delete("catalogs/1000").status_code == 404
    for wrong in ({}, {"name": ""}, {"name": "x", "type": "spoons"}, {"name": {"a": 1}}):
        assert api.post("catalogs", [{"name": "fine"}, wrong]).status_code == 400, wrong
    assert api.patch("catalogs", [{"id": 99999, "name": "x"}]).status_code == 400
    assert [row["id"] for row in rows(api, "catalogs")] == [1000]


def test_elements_of_a_programs_catalog_with_its_fields(api: Program, doors) -> None:
    catalog = first(api.post("catalogs", [{"name": "Cars"}]))["id"]
    at = f"catalogs/{catalog}"
    field = first(api.post(f"{at}/custom_fields", [{"name": "Weight", "type": "numeric"}]), 201)
    assert (field["entity_type"], field["catalog_id"]) == ("catalogs", catalog)
    made = [row["id"] for row in api.post(f"{at}/elements", [{"name": name, "custom_fields_values": [{"field_id": field["id"], "field_code": None, "values": [{"value": weight, "enum_id": None}]}]} for name, weight in (("A", 1), ("B", 2))]).json()["_embedded"]["elements"]]
    told = api.get(f"{at}/elements/{made[0]}").json()
    assert (told.keys(), told["catalog_id"], told["custom_fields_values"][0]["values"]) == (ELEMENT, catalog, [{"value": "1"}])
    assert [row["id"] for row in rows(api, f"{at}/elements?query=b&with=invoice_link")] == [made[1]]
    assert [row["id"] for row in rows(api, f"{at}/elements?filter[id][]={made[0]}")] == [made[0]]
    assert [row["id"] for row in rows(api, f"{at}/elements?filter[custom_fields_values][{field['id']}][from]=2")] == [made[1]]
    assert first(api.patch(f"{at}/elements", [{"id": made[0], "custom_fields_values": [{"field_id": field["id"], "values": None}]}]))["custom_fields_values"] is None
    assert rows(api, f"{at}/elements?filter[custom_fields_values][{field['id']}]=1") == []
    assert api.patch(f"{at}/elements/{made[0]}", {"name": "C"}).json()["name"] == "C"
    assert api.get(f"catalogs/1000/elements/{made[0]}").status_code == 404
    assert api.post(f"{at}/elements", [{"name": "x"}, {"name": "y", "custom_fields_values": [{"field_id": 5, "values": []}]}]).status_code == 400
    assert api.delete(f"{at}/elements/{made[0]}").status_code == 204
    assert [row["id"] for row in rows(api, f"{at}/elements")] == [made[1]]
    group = first(api.post(f"{at}/custom_fields/groups", [{"name": "G", "fields": [field["id"]]}]), 201)
    assert api.get(f"{at}/custom_fields/groups/{group['id']}").json()["fields"] == [field["id"]]
    assert api.delete(f"{at}/custom_fields/{field['id']}").status_code == 204
    assert rows(api, f"{at}/custom_fields") == []
    with doors.unit():
        assert Event.objects.filter(name="element.added", actor_kind="integration").count() == 2


def test_products_are_the_elements_of_catalog_1000(api: Program, doors) -> None:
    codes = [field["code"] for field in rows(api, "catalogs/1000/custom_fields")]
    assert codes == ["SKU", "PRICE", "DESCRIPTION", "UNIT", "GROUP"]
    values = [{"field_code": code, "values": [{"value": value}]} for code, value in (("SKU", "B-1"), ("PRICE", 12.5), ("DESCRIPTION", "Rye"), ("UNIT", "kg"), ("GROUP", "Bread"))]
    made = first(api.post("catalogs/1000/elements", [{"name": "Loaf", "custom_fields_values": values, "request_id": "r"}]))
    assert (made["request_id"], {row["field_code"]: row["values"] for row in made["custom_fields_values"]}) == ("r", {"SKU": [{"value": "B-1"}], "PRICE": [{"value": "12.5"}], "DESCRIPTION": [{"value": "Rye"}], "UNIT": [{"value": "kg"}], "GROUP": [{"value": "Bread"}]})
    with doors.unit():
        product = Product.objects.get()
        assert (product.price_minor, product.sku, product.series) == (1250, "B-1", "Bread")
    at = f"catalogs/1000/elements/{made['id']}"
    assert api.get(at).json().keys() == ELEMENT
    assert [row["id"] for row in rows(api, "catalogs/1000/elements?query=loaf")] == [made["id"]]
    assert api.patch(at, {"custom_fields_values": [{"field_code": "PRICE", "values": None}]}).json()["name"] == "Loaf"
    assert first(api.patch("catalogs/1000/elements", [{"id": made["id"], "name": "Roll"}]))["name"] == "Roll"
    for wrong in ({"name": " "}, {"name": "x", "custom_fields_values": [{"field_code": "PRICE", "values": [{"value": "dear"}]}]}):
        assert api.post("catalogs/1000/elements", [wrong]).status_code == 400, wrong
    assert api.delete(at).status_code == 204
    assert api.get(at).status_code == 404
    assert api.get("catalogs/1000/elements").status_code == 204


def test_settings_of_products_and_currencies(api: Program) -> None:
    assert api.get("catalogs/products/settings").json()["catalog_id"] == 1000
    assert api.patch("catalogs/products/settings", {"is_enabled": False}).json()["is_enabled"] is False
    assert api.patch("catalogs/products/settings", {"is_enabled": None}).json()["is_enabled"] is False
    (own, *_others) = rows(api, "currencies")
    assert (own["code"], own["is_default"]) == ("EUR", True)


def test_who_may_and_a_stranger_sees_nothing(api: Program, doors, make_door) -> None:
    catalog = first(api.post("catalogs", [{"name": "Cars"}]))["id"]
    element = first(api.post(f"catalogs/{catalog}/elements", [{"name": "A"}]))["id"]
    with doors.unit():
        people = {role: person(role, name=role.title()).email for role in ("manager", "seller", "viewer")}
    for role, (make, add, remove) in {"manager": (403, 200, 204), "seller": (403, 200, 403), "viewer": (403, 403, 403)}.items():
        program = program_of(doors, people[role])
        assert program.get(f"catalogs/{catalog}").status_code == 200
        assert program.post("catalogs", [{"name": "x"}]).status_code == make
        answer = program.post(f"catalogs/{catalog}/elements", [{"name": "x"}])
        assert answer.status_code == add, role
        if add == 200:
            assert program.delete(f"catalogs/{catalog}/elements/{first(answer)['id']}").status_code == remove, role
    stranger = program_of(make_door(firm="Eve & Co", email="eve@elsewhere.example"))
    for path in (f"catalogs/{catalog}", f"catalogs/{catalog}/elements/{element}"):
        assert [stranger.get(path).status_code, stranger.patch(path, {"name": "x"}).status_code, stranger.delete(path).status_code] == [404] * 3, path
    assert stranger.get(f"catalogs/{catalog}/custom_fields").status_code == 404
    assert [row["id"] for row in rows(stranger, "catalogs")] == [1000]


def test_lists_cost_the_same_with_one_and_with_three(api: Program, count_statements) -> None:
    catalog = first(api.post("catalogs", [{"name": "Cars"}]))["id"]
    for path, body in ((f"catalogs/{catalog}/elements", [{"name": "A"}]), ("catalogs/1000/elements", [{"name": "A"}]), ("catalogs", [{"name": "B"}])):
        api.post(path, body)
        api.get(path)
        with count_statements() as one:
            api.get(path)
        api.post(path, [{"name": "x"}, {"name": "y"}])
        api.get(path)
        with count_statements() as three:
            assert len(rows(api, path)) >= 3
        assert one() == three(), path


def test_products_are_narrowed_by_what_is_documented(api: Program) -> None:
    wood = first(api.post("catalogs/1000/custom_fields", [{"name": "Wood", "type": "text"}]), 201)["id"]
    made_of = {"field_id": wood, "values": [{"value": "oak"}]}
    one, two = (row["id"] for row in api.post("catalogs/1000/elements", [{"name": "Chair", "custom_fields_values": [made_of, {"field_code": "SKU", "values": [{"value": "C-1"}]}]}, {"name": "Table, large"}]).json()["_embedded"]["elements"])
    path = "catalogs/1000/elements"
    sku = next(row["id"] for row in rows(api, "catalogs/1000/custom_fields") if row["code"] == "SKU")
    for asked, found in (
        ("filter[name]=Chair", [one]), ("filter[name]=Table, large", [two]), (f"filter[custom_fields_values][{wood}][]=oak", [one]), (f"filter[custom_fields_values][{sku}]=C-1", [one]),
        ("filter[updated_at][from]=4000000000", []), ("filter[created_at][to]=4000000000", [one, two]), ("order[id]=desc", [two, one]),
    ):  # fmt: skip
        answer = api.get(f"{path}?{asked}")
        assert ([row["id"] for row in answer.json()["_embedded"]["elements"]] if answer.status_code == 200 else []) == found, asked
    assert api.get(f"{path}?filter[colour]=red").headers["X-Ignored"] == "filter[colour]"
    assert api.get(f"{path}?filter[colour]=red", X_Strict="1").status_code == 400
