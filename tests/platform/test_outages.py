"""What the house stands on fails: the person reads why, and nothing half-done is left."""

from __future__ import annotations

import errno
import socket
from typing import Any

import psycopg
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import OperationalError
from redis.exceptions import ResponseError

from crm_core.groundwork.attachments import services as attachments
from crm_core.groundwork.imports import services as imports
from crm_core.groundwork.imports import traces
from crm_core.people.contacts.models import Contact
from crm_platform.config.embedded.patience import PatientSocket
from crm_platform.events.backbone import emit
from crm_platform.kernel.http.errors import is_disk_full
from crm_platform.kernel.permissions import ActorKind, robot
from tenants.provisioning import owner
from tests.beside import beside

ROBOT = robot("test")


def no_room(*_given: Any, **_named: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_known_in_each_of_its_shapes() -> None:
    database = OperationalError("could not extend file")
    database.__cause__ = psycopg.errors.DiskFull("could not extend file")
    assert is_disk_full(OSError(errno.ENOSPC, "x"))
    assert is_disk_full(database)
    assert is_disk_full(ResponseError("MISCONF Errors writing to the AOF file: No space left on device"))
    assert not is_disk_full(OSError(errno.EACCES, "x"))
    assert not is_disk_full(None)


def test_an_upload_onto_a_full_disk_is_a_sentence_with_503(doors: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "upload", no_room)
    answer = doors.client().post("/imports", {"file": ContentFile(b"Name\nAnna\n", name="a.csv"), "kind": ""})
    assert answer.status_code == 503
    assert "disk is full" in answer.content.decode()


def test_what_a_middleware_trips_over_is_no_missing_page(doors: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = doors.client()
    monkeypatch.setattr("crm_platform.accounts.middleware.LanguageMiddleware.__call__", no_room)
    answer = client.get("/contacts")
    assert answer.status_code == 503
    assert "disk is full" in answer.content.decode()


def test_a_cache_that_refuses_is_no_mistake_of_ours(doors: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: Any) -> Any:
        raise ResponseError("MISCONF")

    client = doors.client()
    monkeypatch.setattr("crm_platform.accounts.middleware.LanguageMiddleware.__call__", refuse)
    assert client.get("/contacts").status_code == 503


def test_a_form_larger_than_a_form_may_be_is_a_page_of_ours(public: Any) -> None:
    answer = public.post("/start", {"firm": "a" * 6_000_000})
    assert answer.status_code == 400
    assert "larger than a form may be" in answer.content.decode()


def test_a_file_that_does_not_fit_leaves_no_piece(inside: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    contact = Contact.objects.create(name="Anna", sort_key="anna")
    deleted: list[str] = []
    monkeypatch.setattr(default_storage, "save", no_room)
    monkeypatch.setattr(default_storage, "delete", deleted.append)
    with pytest.raises(OSError, match="No space"):
        attachments.add(ROBOT, entity="contact", pk=contact.pk, file=ContentFile(b"x", name="a.txt"))
    assert len(deleted) == 1


def test_later_changes_are_found_alike_in_small_and_large_imports(inside: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    person, again = ROBOT.through(ActorKind.USER, via=""), ROBOT.through(ActorKind.IMPORT, via="import:7")
    for pk, actor, name in ((1, person, "contact.changed"), (2, person, "contact.exported"), (3, again, "contact.changed"), (4, ROBOT, "contact.changed"), (9, person, "contact.changed")):
        emit(actor, name, entity="contact", record_id=pk)
    small = traces.touched_later("contact", [1, 2, 3, 4, 5], without=["import:7"])
    monkeypatch.setattr(traces, "AT_ONCE", 2)
    assert traces.touched_later("contact", [1, 2, 3, 4, 5], without=["import:7"]) == small == {1}


def test_a_workspace_that_cannot_be_dropped_leaves_the_connection_usable(control_side: Any) -> None:
    """Its role owns something in another database, so PostgreSQL keeps it."""
    with beside(owner.FIRST) as other, owner.seated():
        owner.run("CREATE ROLE w_keepsthings NOLOGIN; GRANT w_keepsthings TO CURRENT_USER")
        other.execute("CREATE SCHEMA w_keepsthings AUTHORIZATION w_keepsthings")
        with pytest.raises(psycopg.errors.DependentObjectsStillExist):
            owner.drop_workspace("w_keepsthings")
        assert owner.run("SELECT 1") == [(1,)]
        other.execute("DROP SCHEMA w_keepsthings")
        owner.drop_workspace("w_keepsthings")
        assert not owner.has_workspace("w_keepsthings")


def test_the_owner_s_connection_is_made_anew_after_its_server_has_gone(control_side: Any) -> None:
    """Else the keeper would have to be started again after each fall of the database."""
    with owner.seated():
        [(number,)] = owner.run("SELECT pg_backend_pid()")
        with owner.direct() as other:
            other.execute("SELECT pg_terminate_backend(%s::int)", [number])
        with pytest.raises(psycopg.OperationalError):
            owner.run("SELECT 1")
        assert owner.run("SELECT 1") == [(1,)]


def test_what_is_gone_already_is_no_hindrance(control_side: Any) -> None:
    with owner.seated():
        owner.drop_workspace("w_nobodyhasthis")


def test_a_rented_server_s_owner_drops_what_it_made(control_side: Any) -> None:
    """CREATEROLE and CREATEDB, no superuser: all that a managed PostgreSQL gives."""
    with owner.seated():
        if owner.engine().kind == "citus":
            pytest.skip("!! workspaces on Citus are made by an administrator !!")
        owner.run("CREATE ROLE rented CREATEROLE NOLOGIN; GRANT rented TO CURRENT_USER")
        try:
            owner.run("SET ROLE rented; CREATE ROLE w_rentedhouse NOLOGIN NOINHERIT")
            owner.drop_workspace("w_rentedhouse")
            owner.run("RESET ROLE")
            assert not owner.run("SELECT 1 FROM pg_roles WHERE rolname = 'w_rentedhouse'")
        finally:
            owner.run("RESET ROLE; DROP ROLE rented")


def test_a_client_that_stops_in_the_middle_is_as_one_who_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm_platform.config.embedded.patience.SECONDS", 0.05)
    mine, theirs = socket.socketpair()
    with PatientSocket(mine.family, mine.type, mine.proto, fileno=mine.detach()) as patient, theirs:
        patient.setblocking(True)
        theirs.sendall(b"GET")
        assert patient.recv(10) == b"GET"
        assert patient.recv(10) == b""
