"""Another address: the old one leads there, everything sent with it goes on working, and nobody takes it meanwhile."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from crm_platform.accounts import tokens
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel import clock, ids
from crm_platform.kernel.errors import Forbidden, Invalid, ReadOnly
from tenants import creating, routing
from tenants.lifecycle import renaming, states
from tenants.lifecycle.models import Entry
from tenants.models import Domain
from tenants.reserved import AddressRefused
from tests.conftest import PASSWORD
from tests.factories.cast import cast
from tests.tenants.lives import OPERATOR, join, let_go, path_of, row_of


def fresh() -> str:
    return f"n-{ids.random_id(10)}"


def rename(door, to: str, **more):
    return renaming.rename(door.place.public_id, to=to, by=OPERATOR, operation=uuid.uuid4(), **more)


def send(client, to: str, **more):
    return client.post("/settings/address", {"slug": to, "operation": str(uuid.uuid4()), **more})


def test_the_owner_changes_the_address_and_stands_in_the_new_one(doors) -> None:
    owner, to, old = doors.client(), fresh(), doors.place.slug
    answer = send(owner, to)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"http://{to}.localhost")
    host = f"{to}.localhost"
    entered = owner.get(path_of(answer.headers["Location"]), HTTP_HOST=host)
    assert (entered.status_code, entered.headers["Location"]) == (303, "/settings/address")
    page = owner.get("/settings/address", HTTP_HOST=host)
    assert page.status_code == 200
    assert f"{to}.localhost" in page.content.decode()
    assert f"{old}.localhost" in page.content.decode()
    with doors.unit():
        [event] = Event.objects.filter(name="workspace.renamed")
        assert (event.before, event.after, event.actor_name) == ({"name": old}, {"name": to}, "Olga de Wit")
    assert to in owner.get("/settings/journal", HTTP_HOST=host).content.decode()


def test_the_old_address_leads_on_for_pages_and_serves_forms_and_programs(doors) -> None:
    owner, seller, to = doors.client(), doors.client(join(doors, "seller")), fresh()
    with doors.unit():
        person = User.objects.get(email="olga@veldhuis.example")
        invite, token = path_of(tokens.confirm_link(person)), tokens.make_api_token(person, name="t")
    page = owner.get("/contacts/new").content.decode()
    assert "first_name" in page
    rename(doors, to)
    # a stranger and a letter's link: the same page at the new host
    stranger = doors.client(email=None)
    for path in ("/contacts?q=an", invite):
        led = stranger.get(path)
        assert (led.status_code, led.headers["Location"]) == (302, f"http://{to}.localhost:8000{path}")
    assert stranger.get(invite, HTTP_HOST=f"{to}.localhost").status_code == 200
    # who has a session goes over with it, once
    led = seller.get("/contacts?q=an")
    assert led.status_code == 302
    assert led.headers["Location"].startswith(f"http://{to}.localhost:8000/enter/")
    entered = seller.get(path_of(led.headers["Location"]), HTTP_HOST=f"{to}.localhost")
    assert (entered.status_code, entered.headers["Location"]) == (303, "/contacts?q=an")
    assert doors.client(email=None).get(path_of(led.headers["Location"]), HTTP_HOST=f"{to}.localhost").status_code == 403
    # a part asked for by htmx becomes its page
    part = owner.get("/search/as-one-types?q=an", headers={"HX-Request": "true", "HX-Current-URL": f"http://{doors.host}/board?x=1"})
    assert (part.status_code, part.headers["HX-Redirect"]) == (204, f"http://{to}.localhost:8000/board?x=1")
    # a form sent from a page that was open is done, not lost
    assert owner.post("/contacts/new", {"first_name": "Anna"}).status_code in (302, 303)
    # programs lose their token on the way to another host: they are served here
    program = doors.client(email=None).get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert program.status_code != 302


def test_a_cookie_of_another_workspace_s_session_goes_over_as_a_stranger(two_doors) -> None:
    mine, other = two_doors
    to = fresh()
    rename(mine, to)
    client = other.client("eve@elsewhere.example")
    led = client.get("/board", HTTP_HOST=mine.host)
    assert (led.status_code, led.headers["Location"]) == (302, f"http://{to}.localhost:8000/board")


def test_the_old_address_is_taken_back_and_is_nobody_else_s_for_twelve_months(doors) -> None:
    old, to = doors.place.slug, fresh()
    rename(doors, to)
    with pytest.raises(AddressRefused):
        creating.create_workspace(creating.Wish(firm="New", slug=old, email="n@new.example", password=PASSWORD))
    with clock.frozen(clock.now() + timedelta(days=364)):
        assert renaming.free_old() == 0
    rename(doors, old)
    with sides.control_unit():
        rows = {row.domain: (row.is_primary, row.retired_at is None) for row in Domain.objects.filter(tenant=doors.workspace)}
    assert rows == {old: (True, True), to: (False, False)}
    with clock.frozen(clock.now() + timedelta(days=366)):
        assert renaming.free_old() >= 1
    assert routing.find_by_address(to) is None
    assert row_of(doors).slug == old
    assert creating.create_workspace(creating.Wish(firm="New", slug=to, email="n@new.example", password=PASSWORD)).slug == to


@pytest.mark.parametrize("to", ["ab", "admin", "adm1n", "Ünïcode", "a" * 41, "two--hyphens", ""])
def test_a_refused_address_changes_nothing_and_stands_in_the_form(doors, to) -> None:
    answer = send(doors.client(), to)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.content.decode()
    assert row_of(doors).slug == doors.place.slug
    with sides.control_unit():
        assert not Entry.objects.filter(workspace=doors.workspace, kind="renamed").exists()


def test_another_firm_s_address_and_its_look_alike_are_refused_with_free_ones(two_doors) -> None:
    mine, other = two_doors
    for wished in (other.place.slug, other.place.slug.replace("t-", "t")):
        answer = send(mine.client(), wished)
        assert answer.status_code == 422, wished
        assert "These are free" in answer.content.decode()
    assert row_of(mine).slug == mine.place.slug
    # one's own look-alike is no deception
    rename(mine, mine.place.slug.replace("t-", "t"))


def test_people_change_it_thrice_a_month_and_keep_five_old_ones(doors) -> None:
    public_id = doors.place.public_id
    with doors.unit():
        owner = cast()["owner"]
    first = doors.place.slug

    def by_person(to: str):
        return renaming.rename_by(owner, public_id, to=to, operation=uuid.uuid4())

    for _time in range(3):
        by_person(fresh())
    with pytest.raises(renaming.RenamedTooOften):
        by_person(fresh())
    by_person(first)  # back is always open
    rename(doors, fresh())  # and the operator is not counted
    with clock.frozen(clock.now() + timedelta(days=31)):
        by_person(fresh())
        with pytest.raises(renaming.KeepsTooMany):
            by_person(fresh())


def test_who_may_and_in_which_state(doors) -> None:
    public_id = doors.place.public_id
    with doors.unit():
        actors = cast()
    for name in ("manager", "seller", "mate", "other", "viewer"):
        with pytest.raises(Forbidden):
            renaming.rename_by(actors[name], public_id, to=fresh(), operation=uuid.uuid4())
    assert send(doors.client(email=None), fresh()).status_code == 302
    assert row_of(doors).slug == doors.place.slug
    operation, to = uuid.uuid4(), fresh()
    first = renaming.rename_by(actors["administrator"], public_id, to=to, operation=operation)
    assert renaming.rename_by(actors["administrator"], public_id, to=to, operation=operation).pk == first.pk
    let_go(doors)
    with doors.unit():
        admin = cast_again()
    with pytest.raises(ReadOnly):
        renaming.rename_by(admin, public_id, to=fresh(), operation=uuid.uuid4())
    with pytest.raises(states.NoSuchWay):
        rename(doors, fresh())


def cast_again():
    from crm_platform.accounts.actors import actor_of

    return actor_of(User.objects.select_related("role").get(name="Ada"))


def at_once(doors: Any, *addresses: str) -> list[str]:
    """What comes of it when the workspaces rename themselves at one moment: "had", or the refusal's sentence."""
    results, start = list[str](), threading.Barrier(len(addresses))

    def wish(door: Any, to: str) -> None:
        start.wait()
        try:
            rename(door, to)
            results.append("had")
        except Invalid as refused:
            results.append(str(refused.message))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=wish, args=pair) for pair in zip(doors, addresses, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_two_who_want_one_address_at_once_one_gets_it(two_doors) -> None:
    wished = fresh()
    results = at_once(two_doors, wished, wished)
    assert results.count("had") == 1
    assert any("belongs to another firm" in result for result in results)
    with sides.control_unit():
        assert Domain.objects.filter(domain=wished).count() == 1
    assert sorted(row_of(door).slug == wished for door in two_doors) == [False, True]


def test_of_two_who_want_addresses_that_read_alike_at_once_one_gets_it(two_doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table refuses the same address alone; and whoever looks may not look past one who has looked and not written yet."""
    real = Domain.appearances.__func__  # type: ignore[attr-defined]

    def slowly(cls: type[Domain], *given: Any, **more: Any) -> list[str]:
        found: list[str] = real(cls, *given, **more)
        time.sleep(0.5)
        return found

    monkeypatch.setattr(Domain, "appearances", classmethod(slowly))
    wished = fresh()
    results = at_once(two_doors, f"{wished}rn", f"{wished}m")
    assert results.count("had") == 1
    assert any("reads like another firm" in result for result in results)


def test_the_command_renames(doors) -> None:
    import json

    from click.testing import CliRunner

    from tenants.lifecycle.commands import rename_workspace

    to = fresh()
    done = CliRunner().invoke(rename_workspace, ["--workspace", doors.place.slug, "--to", to, "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    assert json.loads(done.output)["url"] == f"http://{to}.localhost:8000/"
    with doors.unit():
        assert Event.objects.filter(name="workspace.renamed", actor_kind="robot").count() == 1


def test_the_command_repeated_is_the_same_act(doors) -> None:
    from click.testing import CliRunner

    from tenants.lifecycle.commands import rename_workspace

    given = ["--workspace", doors.place.slug, "--to", fresh(), "--operation", str(uuid.uuid4()), "--json"]
    first, again = (CliRunner().invoke(rename_workspace, given) for _time in range(2))
    assert (first.exit_code, again.exception, again.output) == (0, None, first.output)
    with doors.unit():
        assert Event.objects.filter(name="workspace.renamed").count() == 1
