"""People and roles through the open API."""

from __future__ import annotations

from crm_platform.accounts.models import Access, User
from crm_platform.letters.models import Letter
from tests.doors.conftest import Program, program_of
from tests.factories.cast import person

RIGHTS = {"leads", "contacts", "companies", "tasks", "mail_access", "catalog_access", "status_rights"}


def test_people_are_told_with_their_rights(api: Program, doors) -> None:
    with doors.unit():
        sam = person("seller", name="Sam").pk
    told = api.get("users?with=role,group,uuid,phone_number").json()
    assert (told["_total_items"], told["_page_count"]) == (2, 1)
    owner, seller = told["_embedded"]["users"]
    assert owner["rights"]["is_admin"] is True
    assert owner["rights"]["leads"] == {"view": "A", "edit": "A", "add": "A", "delete": "A", "export": "A"}
    assert seller["rights"].keys() >= RIGHTS | {"is_admin", "is_free", "is_active", "group_id", "role_id"}
    assert seller["rights"]["leads"] == {"view": "G", "edit": "M", "add": "A", "delete": "M", "export": "D"}
    assert seller["_embedded"]["roles"][0]["name"] == "Seller"
    assert api.get(f"users/{sam}").json()["email"] == "sam@veldhuis.example"
    assert api.get("users/999").status_code == 404


def test_people_are_invited_and_leave(api: Program, doors) -> None:
    answer = api.post("users", [{"name": "New One", "email": "new@veldhuis.example", "password": "x" * 12, "lang": "ru", "rights": {"is_admin": False}, "request_id": 3}])
    assert answer.status_code == 201
    (made,) = answer.json()["_embedded"]["users"]
    assert (made["name"], made["request_id"], made["rights"]["is_active"]) == ("New One", "3", False)
    with doors.unit():
        assert User.objects.get(pk=made["id"]).access == Access.INVITED
        assert Letter.objects.filter(to="new@veldhuis.example").exists()
    assert api.post("users/deactivate", [{"id": made["id"]}]).status_code == 204
    with doors.unit():
        assert User.objects.get(pk=made["id"]).access == Access.DEACTIVATED
    assert api.post("users/activate", [{"id": made["id"]}]).status_code == 204
    assert api.post("users/deactivate", [{"id": 999}]).status_code == 400
    assert api.post("users", [{"name": "x"}, {"email": "nonsense"}]).status_code == 400
    many = [{"id": made["id"]}] * 11
    assert [api.post(f"users/{verb}", many).status_code for verb in ("activate", "deactivate")] == [400, 400]  # and nobody was left out in silence
    owner = api.get("account").json()["current_user_id"]
    assert api.post("users/deactivate", [{"id": owner}]).status_code in (400, 409)


def test_roles_are_made_changed_and_removed(api: Program, doors) -> None:
    given = {"leads": {"view": "A", "edit": "M", "add": "A", "delete": "D", "export": "D"}, "mail_access": True, "status_rights": None}
    answer = api.post("roles", [{"name": "Call centre", "rights": given}])
    assert answer.status_code == 201
    (role,) = answer.json()["_embedded"]["roles"]
    assert role["rights"]["leads"] == given["leads"]
    assert role["rights"]["contacts"]["view"] == "D"
    changed = api.patch(f"roles/{role['id']}", {"name": "Calls", "rights": {"contacts": {"view": "G"}}})
    assert (changed.status_code, changed.json()["name"], changed.json()["rights"]["contacts"]["view"], changed.json()["rights"]["leads"]["edit"]) == (202, "Calls", "G", "M")
    assert "Calls" in [one["name"] for one in api.get("roles?with=users").json()["_embedded"]["roles"]]
    with doors.unit():
        sam = person("seller", name="Sam")
        sam.role_id = role["id"]
        sam.save()
    assert program_of(doors, sam.email).get("leads").status_code == 204
    assert program_of(doors, sam.email).post("roles", [{"name": "mine"}]).status_code == 403
    assert api.delete(f"roles/{role['id']}").status_code == 409
    assert api.post("roles", [{"name": "x", "rights": {"leads": {"view": "Z"}}}]).status_code == 400
    seller = next(one for one in api.get("roles").json()["_embedded"]["roles"] if one["name"] == "Seller")
    assert api.delete(f"roles/{seller['id']}").status_code == 400
    assert api.delete("roles/999").status_code == 404
