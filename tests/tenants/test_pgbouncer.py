"""Behind PgBouncer in transaction mode: many clients share a few server connections, and nobody sees another's rows."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection, connections

from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_platform.config.embedded import children
from crm_platform.config.embedded.datafolder import database_user
from crm_platform.db import sides
from crm_platform.kernel import neighbours
from crm_platform.kernel.permissions import robot
from tenants.provisioning import owner, pool
from tests.conftest import Door

pytestmark = pytest.mark.live
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SERVER_CONNECTIONS, CLIENTS, UNITS = 2, 8, 400


def version() -> tuple[int, ...]:
    said = subprocess.run([str(PROGRAM), "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in re.findall(r"\d+", said)[:2])


@pytest.fixture(scope="module")
def bouncer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A running PgBouncer before the tests' server; its port."""
    if PROGRAM is None:
        pytest.skip("!! there is no pgbouncer: install the package !!")
    folder = Path(settings.CRM_DATA) / "pgbouncer"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    user, login = database_user(), settings.DATABASES["cell1"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "users").write_text(f'"{login["USER"]}" "{login["PASSWORD"]}"\n')
    carried = "max_prepared_statements = 200\n" if version() >= (1, 21) else ""
    (folder / "ini").write_text(
        f"[databases]\n{login['NAME']} = host={login['HOST']} port={login['PORT']} dbname={login['NAME']}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {folder / 'users'}\n"
        f"pool_mode = transaction\ndefault_pool_size = {SERVER_CONNECTIONS}\nmax_client_conn = 200\n{carried}"
    )
    child = children.start([str(PROGRAM), folder / "ini"], log=folder / "log", user=user, folder=folder)
    try:
        _wait(port, folder / "log")
        yield port
    finally:
        children.stop(child)


def _wait(port: int, log: Path) -> None:
    until = time.monotonic() + 15
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"pgbouncer did not start:\n{children.last_lines(log)}")


@pytest.fixture
def three(make_door: Callable[..., Door]) -> list[Door]:
    """Workspaces with one contact each, of the same number, named after its workspace: all in the database that the bouncer stands before."""
    pool.fill(to=3, cell=owner.FIRST)
    with mock.patch.object(pool, "occupancy", return_value={owner.FIRST: 0}):
        doors = [make_door() for _ in range(3)]
    assert {door.place.alias for door in doors} == {owner.FIRST}
    for door in doors:
        with door.unit():
            contacts.create_contact(robot("test"), first_name=door.place.public_id)
    return doors


@pytest.fixture
def behind(bouncer: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Sends the application's login through the bouncer: as it is, or with statements that the server prepares from the third use on."""

    def go(*, prepared: bool) -> None:
        login = connections.settings["cell1"]
        monkeypatch.setitem(login, "HOST", "127.0.0.1")
        monkeypatch.setitem(login, "PORT", str(bouncer))
        monkeypatch.setitem(login, "OPTIONS", {**login["OPTIONS"], "server_side_binding": prepared})
        connections["cell1"].close()

    yield go
    connections["cell1"].close()
    monkeypatch.undo()


def in_threads(work: Callable[[int, Counter[str]], None], blocker: Any) -> Counter[str]:
    """Run the work of every client at once; what they counted."""
    counts: Counter[str] = Counter()
    lock = threading.Lock()

    def client(number: int) -> None:
        mine: Counter[str] = Counter()
        try:
            with blocker.unblock():
                work(number, mine)
        except Exception as error:
            mine[f"died: {type(error).__name__}: {error}"] += 1
        finally:
            connections.close_all()
            with lock:
                counts.update(mine)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def units_of(doors: list[Door]) -> Callable[[int, Counter[str]], None]:
    """Units of alternating workspaces: who one is, where one stands, what one reads, also after a savepoint; every tenth writes."""

    def work(number: int, counts: Counter[str]) -> None:
        for step in range(UNITS):
            door = doors[(number + step) % len(doors)]
            try:
                with sides.unit(door.place), connection.cursor() as cursor:
                    cursor.execute("SELECT current_user::text, current_schema()::text")
                    standing = cursor.fetchone()
                    names = set(Contact.objects.values_list("first_name", flat=True))
                    if step % 10 == 0:
                        Contact.objects.filter(pk=1).update(position=door.place.public_id)
                    places = set(Contact.objects.values_list("position", flat=True)) - {""}
            except DatabaseError as error:
                counts[f"refused: {getattr(error.__cause__, 'sqlstate', '')}"] += 1
                connection_of = connections["cell1"]
                connection_of.close()
                continue
            right = standing == (door.place.schema, door.place.schema) and names == {door.place.public_id} and places <= {door.place.public_id}
            counts["right" if right else "LEAK"] += 1

    return work


def test_our_connections_prepare_nothing(three, behind) -> None:
    """Django binds values itself, so no statement is prepared whatever the threshold: an old pooler has nothing to confuse."""
    behind(prepared=False)
    with three[0].unit(), connection.cursor() as cursor:
        for _ in range(12):
            list(Contact.objects.filter(pk=1))
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (0,)


def test_thousands_of_units_without_prepared_statements_see_only_their_own(three, behind, django_db_blocker) -> None:
    behind(prepared=False)
    counts = in_threads(units_of(three), django_db_blocker)
    assert counts == {"right": CLIENTS * UNITS}


def test_thousands_of_units_with_prepared_statements_see_only_their_own(three, behind, django_db_blocker) -> None:
    """PgBouncer 1.21 carries them. An older one confuses their names: units fail, which shows that there are some, and still nobody reads another's."""
    behind(prepared=True)
    counts = in_threads(units_of(three), django_db_blocker)
    assert counts["LEAK"] == 0
    assert not [name for name in counts if name.startswith("died")], counts
    if version() >= (1, 21):
        assert counts == {"right": CLIENTS * UNITS}
    else:
        assert sum(counts.values()) == CLIENTS * UNITS
        assert counts["refused: 42P05"] + counts["refused: 26000"] > 0


def test_real_requests_see_only_their_own(three, behind, django_db_blocker) -> None:
    keys = {}
    for door in three:
        client = door.client()
        keys[door.host] = client.cookies[settings.SESSION_COOKIE_NAME].value
    behind(prepared=False)

    def work(number: int, counts: Counter[str]) -> None:
        for step in range(60):
            door = three[(number + step) % len(three)]
            client = door.client(email=None)
            client.cookies[settings.SESSION_COOKIE_NAME] = keys[door.host]
            answer = client.get("/contacts/1" if step % 2 else "/contacts")
            page = answer.content.decode()
            others = any(other.place.public_id in page for other in three if other is not door)
            counts["LEAK" if others else "right" if answer.status_code == 200 and door.place.public_id in page else f"status {answer.status_code}"] += 1

    with neighbours.unbounded():
        assert in_threads(work, django_db_blocker) == {"right": CLIENTS * 60}


def test_the_stock_way_leaks_on_the_same_set_up(three, bouncer) -> None:
    """The control: role and search path set for the session, as tenants' libraries do it. If this showed no leak, the tests above would show nothing."""
    login = settings.DATABASES["cell1"]
    url = f"host=127.0.0.1 port={bouncer} dbname={login['NAME']} user={login['USER']} password={login['PASSWORD']}"
    counts: Counter[str] = Counter()
    lock, begin = threading.Lock(), threading.Barrier(len(three) * 2)

    def client(door: Door) -> None:
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as session:
            begin.wait()
            for _ in range(100):
                session.execute(f'SET ROLE "{door.place.schema}"')
                session.execute(f'SET search_path = "{door.place.schema}"')
                try:
                    [name] = session.execute("SELECT first_name FROM contact").fetchone() or [""]
                except psycopg.Error:
                    name = "refused"
                with lock:
                    counts["right" if name == door.place.public_id else "refused" if name == "refused" else "LEAK"] += 1

    threads = [threading.Thread(target=client, args=(door,)) for door in three * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts["LEAK"] > 0


def test_the_connections_that_test_uses_do_go_through_the_bouncer(three, behind, bouncer) -> None:
    behind(prepared=False)
    with three[0].unit():
        assert connections["cell1"].connection.info.port == bouncer
