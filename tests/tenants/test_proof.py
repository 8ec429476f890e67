"""The generated proof of isolation: green as we are, red wherever a leak is planted."""

from __future__ import annotations

import faulthandler
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.files.storage import FileSystemStorage
from django.http import HttpRequest, HttpResponse
from django.urls import clear_url_caches, path
from django.urls.converters import PathConverter

from billing.desk import bills
from billing.documents.models import Invoice
from crm_core.doors.amocrm.drive import files as drive
from crm_core.groundwork.records import writing
from crm_core.people.contacts.models import Contact
from crm_platform.accounts import links
from crm_platform.config.urls import workspace as urls
from crm_platform.db import sides
from crm_platform.jobs import serving
from crm_platform.jobs.models import Job
from crm_platform.kernel import files, jobs, signing, versions
from crm_platform.kernel.errors import NotFound
from crm_platform.letters.models import Letter
from tenants import middleware
from tenants.isolation import operations, proving, routes, watching
from tenants.isolation.trying import Trial
from tenants.lifecycle import hosts
from tenants.lifecycle.models import OwnHost
from tenants.models import IsolationProof
from tenants.provisioning import owner

ROOT = Path(__file__).resolve().parents[2]
CODE = [file for folder in ("platform/crm_platform", "tenants", "billing", "webhooks", "crm_core") for file in (ROOT / folder).rglob("*.py")]


@pytest.fixture(scope="module")
def whole(house: None, django_db_blocker: Any) -> Iterator[Trial]:
    with django_db_blocker.unblock(), proving.prepared() as trial:
        yield trial


@pytest.fixture
def trial(whole: Trial, django_db_blocker: Any) -> Iterator[Trial]:
    with django_db_blocker.unblock():
        yield replace(whole, counts={}, refused={}, failures=[], given={})


def found(trial: Trial, kind: str, *, only: str = "") -> str:
    """What the kind says, tried at the addresses that begin with `only`."""
    proving.run(replace(trial, routes=[route for route in trial.routes if route.text.startswith(only)]), [kind])
    return "\n".join(trial.failures)


def test_no_letter_of_the_proof_leaves_the_house(whole: Trial, django_db_blocker: Any) -> None:
    """Its people are invented: a mail server of real firms would get their letters back."""
    with django_db_blocker.unblock():
        for house in whole.houses.all():
            with sides.unit(house.place):
                assert Letter.objects.exists()
                assert not Job.objects.filter(name="letters.send").exists()
                assert not Letter.objects.filter(sent_at__isnull=False).exists()


def test_the_proofs_many_requests_are_not_stopped_by_the_workspaces_share(trial: Trial, settings: Any) -> None:
    """A quick machine asks more than a minute's share; a 429 would say nothing of a stranger."""
    settings.CRM_REQUESTS_A_MINUTE, settings.CRM_DATABASE_SECONDS = 1, 1
    assert found(trial, "address", only="/tasks") == ""
    assert trial.counts["address"] > 20


@pytest.mark.parametrize("kind", [name for name, _attempt in proving.KINDS])
def test_nothing_of_one_workspace_comes_through_to_another(whole: Trial, django_db_blocker: Any, kind: str) -> None:
    with django_db_blocker.unblock():
        proving.run(whole, [kind])
    assert not whole.failures, "\n".join(whole.failures)
    assert whole.counts[kind] > {"address": 400, "session": 250, "query": 100, "form": 100}.get(kind, 0)
    if kind == "address":
        assert whole.refused[kind] > whole.counts[kind] * 0.9


def test_a_view_that_reads_by_number_alone_is_seen(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    true, other = writing.get, trial.houses.other

    class Leak(NotFound):
        sentence = "{text}"

    def leaking(actor: Any, kind: Any, pk: int, **given: Any) -> Any:
        if pk < 10**9:
            return true(actor, kind, pk, **given)
        with owner.seated():
            [(text, *_rest)] = owner.run(f'SELECT name FROM "{other.place.schema}".deal LIMIT 1')
        raise Leak(text=text)

    monkeypatch.setattr(writing, "get", leaking)
    assert "of another workspace" in found(trial, "address", only="/deals/")


def test_a_refusal_that_changes_a_row_of_another_is_seen(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    true, other = writing.get, trial.houses.other

    def harming(actor: Any, kind: Any, pk: int, **given: Any) -> Any:
        with owner.seated():
            owner.run(f'UPDATE "{other.place.schema}".deal SET version = version + 1')
        return true(actor, kind, pk, **given)

    monkeypatch.setattr(writing, "get", harming)
    assert "changed within attempts" in found(trial, "address", only="/deals/")


def test_an_own_address_that_is_found_or_removed_by_its_number_alone_is_seen(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """These rows stand on the control side, where no search path holds anybody back."""
    assert found(trial, "address", only="/settings/address/own/") == ""
    with monkeypatch.context() as leaky:
        leaky.setattr(hosts, "find", lambda _public_id, pk: OwnHost.objects.using("control").get(pk=pk))
        assert "of another workspace" in found(trial, "address", only="/settings/address/own/")
    trial.failures.clear()

    def remove(_actor: Any, _public_id: str, pk: int, **_given: Any) -> Any:
        with sides.control_unit():
            OwnHost.objects.filter(pk=pk).update(problem="silent")
        raise NotFound

    monkeypatch.setattr(hosts, "remove_by", remove)
    assert "control: /settings/address/own/" in found(trial, "address", only="/settings/address/own/")


def test_a_bill_that_is_found_by_its_name_alone_is_seen(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """It too stands on the control side, and is named by a word."""
    assert found(trial, "address", only="/settings/plan/invoices/") == ""
    assert trial.counts["address"] > 0

    def leak(_place: Any, public_id: str) -> Any:
        raise Refused(text=Invoice.objects.using("control").get(public_id=public_id).buyer["name"]) if len(public_id) == 16 else NotFound

    class Refused(NotFound):
        sentence = "{text}"

    monkeypatch.setattr(bills, "_own", leak)
    assert "of another workspace" in found(trial, "address", only="/settings/plan/invoices/")


def test_an_operation_that_changes_what_its_body_names_elsewhere_is_seen(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address names no row: the number stands in what a program sends."""
    true, other = writing.get, trial.houses.other

    def harming(actor: Any, kind: Any, pk: int, **given: Any) -> Any:
        if kind.entity.code == "deals" and pk >= 10**9:
            with owner.seated():
                owner.run(f'UPDATE "{other.place.schema}".deal SET version = version + 1 WHERE id = {pk}')
        return true(actor, kind, pk, **given)

    monkeypatch.setattr(writing, "get", harming)
    assert "rows of other" in found(trial, "program", only="/api/v4/leads")


def test_an_operation_that_keeps_a_foreign_number_is_seen(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    true = writing.create_many

    def careless(actor: Any, kind: Any, values: Any) -> Any:
        made = true(actor, kind, values)
        type(made[0]).objects.filter(pk=made[0].pk).update(custom={"friend": 10**9})
        return made

    monkeypatch.setattr(writing, "create_many", careless)
    try:
        assert "names another's: contact.custom: 1000000000" in found(trial, "program", only="/api/v4/contacts")
    finally:
        with sides.unit(trial.houses.mine.place):
            Contact.objects.filter(custom={"friend": 10**9}).update(custom={})


def test_a_file_that_a_program_finds_by_its_uuid_alone_is_seen(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    other = trial.houses.other

    def leaking(_actor: Any, uuid: Any, **_given: Any) -> Any:
        with owner.seated():
            found = owner.run(f'SELECT name FROM "{other.place.schema}".attachment WHERE id = {drive.pk_of(uuid)}')
        raise Refused(text=found[0][0]) if found else NotFound

    class Refused(NotFound):
        sentence = "{text}"

    assert found(trial, "word", only="/v1.0/files") == ""
    monkeypatch.setattr(drive, "find", leaking)
    assert "of another workspace" in found(trial, "address", only="/v1.0/files")


def test_an_operation_that_nobody_tells_is_asked_for(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "known", list)
    assert "nobody tells what may be sent to /api/v4/leads" in found(trial, "program", only="/api/v4/leads")


def test_programs_are_answered_at_home(whole: Trial) -> None:
    """What opens nothing at home proves nothing elsewhere: nearly every address of the interface showed the twin its own."""
    of_programs = [route for route in whole.routes if route.text.startswith(("/api/v4/", "/v1.0/"))]
    opened = [route for route in of_programs if route.text in whole.learnt.own]
    assert len(opened) > 60, sorted(route.text for route in of_programs if route not in opened)


def test_a_request_that_enters_the_wrong_workspace_is_seen(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    class WrongSides:
        outside, control_unit = staticmethod(sides.outside), staticmethod(sides.control_unit)

        @staticmethod
        def unit(_place: Any) -> Any:
            return sides.unit(trial.houses.twin.place)

    monkeypatch.setattr(middleware, "sides", WrongSides)
    assert "with what belongs to" in found(trial, "session", only="/contacts")


def test_a_signature_without_its_workspace_is_seen(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "_salt", lambda purpose: f"kartoteka.{purpose}")
    assert "/enter/" in found(trial, "link")


def test_a_cache_key_without_its_workspace_is_seen(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches["default"], "key_func", lambda key, key_prefix, version: f"{key_prefix}:{version}:{key}")
    caches["default"].set("a-figure", 7, 60)
    try:
        assert "names no workspace" in found(trial, "cache")
    finally:
        caches["default"].delete("a-figure")


def test_what_a_process_keeps_without_its_workspace_is_seen(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    class Nowhere:
        prefix = staticmethod(lambda: "same")
        current = staticmethod(lambda: None)

    monkeypatch.setattr(versions, "workspace", Nowhere)
    versions._kept.clear()
    try:
        assert "of another workspace" in found(trial, "memory")
    finally:
        versions._kept.clear()
        versions._redis().delete("same:versions")


def test_a_file_without_its_workspace_is_seen(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.WorkspaceStorage, "path", FileSystemStorage.path)
    assert "GET /files/1: the answer holds" in found(trial, "file")


def test_a_message_without_its_generation_is_seen(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_is_present", lambda turn: True)
    assert "changed within attempts" in found(trial, "message")


def test_a_new_job_is_tried_by_itself(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    other = trial.houses.other
    monkeypatch.setattr(jobs, "_registry", dict(jobs._registry))

    @jobs.register("leak.job")
    def leak(pk: int, *, lease: Any) -> None:
        with owner.seated():
            owner.run(f'UPDATE "{other.place.schema}".deal SET version = version + 1 WHERE id = {pk}')

    assert "job: rows of other" in found(trial, "job")


def test_a_new_address_is_tried_by_itself(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaking(_request: HttpRequest, pk: int) -> HttpResponse:
        return HttpResponse("nothing to see")

    monkeypatch.setattr(urls, "urlpatterns", [*urls.urlpatterns, path("leak/<int:pk>", leaking)])
    clear_url_caches()
    try:
        trial.routes = routes.workspace_routes()
        assert "GET /leak/1000000000 answered 200" in found(trial, "address", only="/leak")
    finally:
        monkeypatch.undo()
        clear_url_caches()


def test_an_address_of_an_unknown_kind_fails_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "urlpatterns", [*urls.urlpatterns, path("tree/<path:where>", lambda request, where: HttpResponse())])
    clear_url_caches()
    try:
        with pytest.raises(routes.CannotTry, match=PathConverter.__name__):
            routes.workspace_routes()
    finally:
        monkeypatch.undo()
        clear_url_caches()


def test_a_result_is_kept_for_the_operators(control_side: None) -> None:
    result = proving.Result({"address": 3}, {"address": 2}, ["address: GET /x answered 200"], 1, [], 0.5)
    kept = IsolationProof.objects.create(**proving.row(result))
    said = proving.described(result, kept=kept)
    assert (said["holds"], said["attempts"], said["refused"], said["kinds"]) == (False, 3, 2, {"address": 3})
    assert IsolationProof.objects.get(pk=kept.pk).failures == result.failures


def test_a_house_s_own_number_is_nobody_elses_though_it_lies_among_their_ids() -> None:
    """Programs know a workspace by a number made by lot: one of two hundred lies there."""
    secrets = watching.Secrets(None, [], numbers=True, others=frozenset({"1002504045"}))  # type: ignore[arg-type]  # its house is not asked
    assert secrets.found_in('{"account_id":1002504045}', asked="/api/v4/leads") == ""
    assert secrets.found_in('{"account_id":1002504045,"id":1002504046}', asked="/api/v4/leads") == "1002504046"


def test_a_number_by_which_an_attempt_called_something_of_the_askers_is_no_leak(trial: Trial) -> None:
    mine, other = trial.houses.mine, trial.houses.other
    said = '{"name":"1000000042"}'
    trial.listen("program", "GET /", said, asked="/api/v4/contacts", of=(other,))
    assert len(trial.failures) == 1
    with sides.unit(mine.place):
        made = Contact.objects.create(first_name="1000000042", name="1000000042")
    try:
        trial.listen("program", "GET /", said, asked="/api/v4/contacts", of=(other,))
        assert len(trial.failures) == 1
        trial.listen("program", "GET /", '{"name":"1000000042","id":1000000043}', asked="/api/v4/contacts", of=(other,))
        assert len(trial.failures) == 2
        assert "1000000043" in trial.failures[1]
    finally:
        with sides.unit(mine.place):
            Contact.objects.filter(pk=made.pk).delete()


@pytest.mark.live
def test_ten_thousand_attempts_and_none_comes_through(house: None, django_db_blocker: Any) -> None:
    faulthandler.cancel_dump_traceback_later()  # minutes are no standstill here
    with django_db_blocker.unblock():
        result = proving.prove(attempts=10_000)
        kept = proving.keep(result)
    assert result.holds, "\n".join(result.failures)
    assert result.total >= 10_000
    assert kept.attempts == result.total


def test_every_purpose_that_is_signed_has_its_link_in_the_proof() -> None:
    said = {purpose for file in CODE for purpose in re.findall(r"purpose=[\"'](\w+)[\"']", file.read_text())}
    assert said
    assert said <= links.kinds().keys()
