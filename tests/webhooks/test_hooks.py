"""Subscriptions: verbs, rights, pages; and the events they announce."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from crm_core.sales.deals import services as deals
from crm_platform.events.models import Event
from crm_platform.kernel import clock, secrets_box
from crm_platform.kernel.errors import Conflict, CrmError, Forbidden, Invalid, NotFound
from tests.factories.cast import cast
from webhooks.outbound import queries, services
from webhooks.outbound.models import Hook, HookDelivery

from .conftest import ROBOT

URL = "https://receiver.example/hook"


def announced() -> list[str]:
    return list(Event.objects.filter(entity="hook").order_by("id").values_list("name", flat=True))


def test_subscribing_keeps_it_once_and_announces_it(inside) -> None:
    hook = services.subscribe(ROBOT, f" {URL} ", ["add_lead", "status_lead", "add_lead"])
    assert (hook.destination, hook.settings, hook.format, hook.disabled_at) == (URL, ["add_lead", "status_lead"], "amocrm", None)
    assert hook.secret != secrets_box.decrypt(hook.secret)
    assert secrets_box.decrypt(hook.secret).startswith("whsec_")
    services.disable(ROBOT, hook.pk)
    again = services.subscribe(ROBOT, URL, ["delete_lead"], sort=5)
    assert (again.pk, again.settings, again.sort, again.disabled_at, again.format) == (hook.pk, ["delete_lead"], 5, None, "amocrm")
    assert Hook.objects.count() == 1
    services.unsubscribe(ROBOT, URL)
    assert not Hook.objects.exists()
    assert announced() == ["hook.added", "hook.disabled", "hook.changed", "hook.enabled", "hook.removed"]
    with pytest.raises(NotFound):
        services.unsubscribe(ROBOT, URL)


@pytest.mark.parametrize(
    ("destination", "names", "form", "field"),
    [(URL, [], None, "settings"), (URL, ["add_lead", "nonsense"], None, "settings"), (URL, ["add_lead"], "xml", "format"), ("http://10.0.0.1/", ["add_lead"], None, "destination")],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_kept(inside, destination: str, names: list[str], form: str | None, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        services.subscribe(ROBOT, destination, names, format=form)
    assert field in refused.value.fields
    assert not Hook.objects.exists()
    assert announced() == []


def test_the_names_of_the_reference_are_all_known(inside) -> None:
    names = [f"{verb}_{noun}" for verb, nouns in {
        "responsible": ("lead", "contact", "company", "customer", "task"), "restore": ("lead", "contact", "company"),
        "add": ("lead", "contact", "company", "customer", "talk", "task"), "update": ("lead", "contact", "company", "customer", "talk", "task"),
        "delete": ("lead", "contact", "company", "customer", "task"), "note": ("lead", "contact", "company", "customer"),
    }.items() for noun in nouns] + ["status_lead", "add_chat_template_review", "add_message", "add_unsorted"]  # fmt: skip
    assert services.subscribe(ROBOT, URL, names).settings == names


def test_there_is_an_end_to_how_many(inside, monkeypatch) -> None:
    monkeypatch.setattr(services, "MOST", 1)
    services.subscribe(ROBOT, URL, ["add_lead"])
    with pytest.raises(Conflict):
        services.subscribe(ROBOT, f"{URL}/2", ["add_lead"])
    services.subscribe(ROBOT, URL, ["update_lead"])


def test_only_administrators_may(inside) -> None:
    hook = services.subscribe(ROBOT, URL, ["add_lead"])
    row = services.try_out(ROBOT, hook.pk)
    verbs = {
        "subscribe": lambda actor: services.subscribe(actor, f"{URL}/x", ["add_lead"]),
        "change": lambda actor: services.change(actor, hook.pk, settings=["add_lead"], format="json"),
        "rotate": lambda actor: services.rotate_secret(actor, hook.pk),
        "secret": lambda actor: services.secret_of(actor, hook),
        "test": lambda actor: services.try_out(actor, hook.pk),
        "replay": lambda actor: services.replay(actor, hook, since=clock.now() - timedelta(hours=1)),
        "again": lambda actor: services.send_again(actor, row.pk, hook=hook.pk),
        "disable": lambda actor: services.disable(actor, hook.pk),
        "enable": lambda actor: services.enable(actor, hook.pk),
        "log": lambda actor: queries.delivery(actor, row.pk, hook=hook.pk),
        "remove": lambda actor: services.remove(actor, hook.pk),
        "unsubscribe": lambda actor: services.unsubscribe(actor, URL),
    }  # fmt: skip
    for name, actor in cast().items():
        if name in ("owner", "administrator"):
            continue
        for verb in verbs.values():
            with pytest.raises(Forbidden):
                verb(actor)
    assert announced() == ["hook.added", "hook.tried_out"]


def test_each_verb_of_an_administrator_is_announced(inside) -> None:
    actor = cast()["administrator"]
    hook = services.subscribe(actor, URL, ["add_lead"])
    row = services.try_out(actor, hook.pk)
    services.change(actor, hook.pk, settings=["update_lead"], format="json")
    services.change(actor, hook.pk, settings=["update_lead"], format="json")
    services.rotate_secret(actor, hook.pk)
    services.send_again(actor, row.pk, hook=hook.pk)
    services.replay(actor, hook, since=clock.now() - timedelta(hours=1))
    services.disable(actor, hook.pk)
    services.disable(actor, hook.pk)
    services.enable(actor, hook.pk)
    services.remove(actor, hook.pk)
    assert announced() == ["hook.added", "hook.tried_out", "hook.changed", "hook.secret_changed", "hook.replayed", "hook.replayed", "hook.disabled", "hook.enabled", "hook.removed"]
    assert set(Event.objects.filter(entity="hook").values_list("actor_id", flat=True)) == {actor.user_id}
    assert "whsec_" not in str(list(Event.objects.filter(entity="hook").values_list("after", "before")))


def test_a_workspace_s_secret_opens_nothing_elsewhere_and_a_stranger_sees_nothing(two_doors) -> None:
    mine, other = two_doors
    with other.unit():
        hook = services.subscribe(ROBOT, URL, ["add_lead"])
        row = services.try_out(ROBOT, hook.pk)
    for path in ("", "/switch", "/test", "/secret", "/replay", "/remove", "/change", f"/deliveries/{row.pk}", f"/deliveries/{row.pk}/again"):
        for method in ("get", "post"):
            answer = getattr(mine.client(), method)(f"/settings/hooks/{hook.pk}{path}")
            assert answer.status_code in (404, 405), path
            stranger = getattr(other.client(None), method)(f"/settings/hooks/{hook.pk}{path}")
            assert stranger.status_code in (302, 303, 401, 405), path
            assert b"receiver.example" not in stranger.content
    with other.unit():
        assert Hook.objects.count() == 1


def page(doors, path: str, **given):
    client = doors.client()
    answer = client.post(path, given) if given else client.get(path)
    return answer, answer.content.decode()


def test_the_pages_add_show_change_and_remove(doors) -> None:
    _answer, text = page(doors, "/settings/hooks/new")
    assert 'value="status_lead"' in text
    answer, text = page(doors, "/settings/hooks/new", destination="http://10.0.0.1/", settings=["add_lead"], format="amocrm")
    assert answer.status_code == 422
    assert "private network" in text
    answer, _text = page(doors, "/settings/hooks/new", destination=URL, settings=["add_lead", "status_lead"], format="json")
    assert answer.status_code == 303
    with doors.unit():
        hook = Hook.objects.get()
        secret = secrets_box.decrypt(hook.secret)
    where = f"/settings/hooks/{hook.pk}"
    answer, text = page(doors, where)
    assert answer.status_code == 200
    assert secret in text
    assert page(doors, f"{where}/change", settings=["update_lead"], format="amocrm")[0].status_code == 303
    assert page(doors, f"{where}/change", format="amocrm")[0].status_code == 422
    assert page(doors, f"{where}/switch", to="off")[0].status_code == 303
    assert "Switched off" in page(doors, "/settings/hooks")[1]
    assert page(doors, f"{where}/switch", to="on")[0].status_code == 303
    assert page(doors, f"{where}/secret", x="1")[0].status_code == 303
    assert page(doors, f"{where}/test", x="1")[0].status_code == 303
    with doors.unit():
        hook.refresh_from_db()
        assert (hook.settings, hook.format) == (["update_lead"], "amocrm")
        assert hook.earlier_secret
    assert page(doors, f"{where}/remove", x="1")[0].status_code == 303
    with doors.unit():
        assert not Hook.objects.exists()


def test_the_log_is_searched_and_a_delivery_shown_and_sent_again(doors, receiver, hooked, serve) -> None:
    hook = hooked(receiver, "add_lead", format="json")
    with doors.unit():
        for name in ("Lamp", "Tafel"):
            deals.create_deal(ROBOT, name=name)
    serve()
    where = f"/settings/hooks/{hook.pk}"
    with doors.unit():
        row = HookDelivery.objects.filter(body__contains="Tafel").get()
    assert page(doors, where)[1].count("/deliveries/") == 2
    assert page(doors, f"{where}?q=tafel")[1].count("/deliveries/") == 1
    assert page(doors, f"{where}?q={row.uid}&state=done")[1].count("/deliveries/") == 1
    assert page(doors, f"{where}?state=failed")[1].count("/deliveries/") == 0
    assert page(doors, f"{where}?before=abc&q=%00")[0].status_code in (200, 400)
    text = page(doors, f"{where}/deliveries/{row.pk}")[1]
    assert "Tafel" in text
    assert ">200" in text
    assert page(doors, f"{where}/deliveries/{row.pk}/again", x="1")[0].status_code == 303
    serve()
    assert [got.headers["webhook-id"] for got in receiver.got].count(row.uid) == 2


def test_a_replay_is_counted_and_confirmed_first(doors, receiver, hooked, serve) -> None:
    hook = hooked(receiver, "add_lead", format="json")
    with doors.unit():
        deals.create_deal(ROBOT, name="Lamp")
    serve()
    where, since = f"/settings/hooks/{hook.pk}/replay", (clock.now() - timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M")
    assert page(doors, where)[0].status_code == 200
    answer, text = page(doors, where, since=since)
    assert answer.status_code == 200
    assert "1 event." in text
    serve()
    assert len(receiver.got) == 1
    assert page(doors, where, since="2020-01-01T00:00")[0].status_code == 422
    assert page(doors, where, since="soon")[0].status_code == 422
    assert page(doors, where, since=since, sure="yes")[0].status_code == 303
    serve()
    assert len(receiver.got) == 2


@pytest.mark.parametrize("rows", [1, 3])
def test_the_lists_cost_the_same(doors, receiver, hooked, serve, count_statements, rows: int) -> None:
    for number in range(rows):
        with doors.unit():
            services.subscribe(ROBOT, f"{receiver.url}{number}", ["add_lead"], format="json")
    with doors.unit():
        for number in range(rows):
            deals.create_deal(ROBOT, name=f"Deal {number}")
        pk = Hook.objects.first().pk
    serve()
    client = doors.client()
    costs = []
    for path in ("/settings/hooks", f"/settings/hooks/{pk}"):
        client.get(path)
        with count_statements() as count:
            assert client.get(path).status_code == 200
        costs.append(count())
    assert costs == COSTS


COSTS = [3, 5]


def test_a_server_for_real_firms_does_not_start_with_loopback_open() -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": f"{root}{os.pathsep}{root / 'platform'}", "SECRET_KEY": "s" * 60, "DATABASE_URL": "postgresql://app:x@localhost/x",
        "DJANGO_SETTINGS_MODULE": "crm_platform.config.settings.production", "CRM_HOOKS_TO_LOOPBACK": "1",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", "import django; django.setup()"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "CRM_HOOKS_TO_LOOPBACK" in done.stderr


def test_refusals_are_sentences(inside) -> None:
    with pytest.raises(CrmError) as refused:
        services.subscribe(ROBOT, "nothing", ["add_lead"])
    assert "https://" in refused.value.message
