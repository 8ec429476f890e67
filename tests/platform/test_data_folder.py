"""The data folder and its disk: what an operator can do to it is answered with one sentence, and nothing is lost."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from crm_platform.config.embedded import datafolder, given, postgres, servers, up
from crm_platform.config.embedded.datafolder import DataFolder
from crm_platform.config.embedded.trouble import InUse, Trouble
from crm_platform.config.env import Login

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9 - 5 * 2**20, 5 * 2**20))


def test_a_first_start_that_was_cut_off_starts_again(tmp_path: Path) -> None:
    (tmp_path / "secrets.new").write_text("{")
    (tmp_path / "secrets.json").write_text("{}")
    (tmp_path / "lost+found").mkdir()
    assert DataFolder.open(tmp_path).secrets["owner"]


def test_a_foreign_folder_and_a_damaged_one_are_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "dear.txt").touch()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "kartoteka.json").touch()
    (tmp_path / "file").touch()
    for name, said in (("foreign", "something else"), ("damaged", "is damaged"), ("file", "cannot be used")):
        with pytest.raises(Trouble, match=said):
            DataFolder.open(tmp_path / name)


def test_a_full_disk_is_said_before_a_server_starts_and_explains_what_fails_on_it(tmp_path: Path, full: None) -> None:
    with pytest.raises(Trouble, match="is full: 5 MB are free, 64 MB are needed"), servers.start(DataFolder(tmp_path, {})):
        pass
    assert "make room" in datafolder.explained("PostgreSQL did not start.", tmp_path)


def test_with_room_a_trouble_is_said_as_it_is(tmp_path: Path) -> None:
    assert datafolder.explained("No.", tmp_path) == "No."


def test_a_folder_that_cannot_be_written_is_not_taken_for_one_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataFolder(tmp_path, {})
    with data.locked():
        assert data.in_use()
        with pytest.raises(InUse), data.locked():
            pass
    (tmp_path / "lock").unlink()
    (tmp_path / "lock").mkdir()
    with pytest.raises(Trouble, match="Nothing can be written"):
        data.in_use()


def test_a_step_that_trips_shows_its_last_words_and_keeps_the_trace(tmp_path: Path) -> None:
    said = up._failed("bootstrap", "Traceback (most recent call last):\n  File x\nOSError: no", logs=tmp_path)
    assert "Traceback" not in said
    assert "OSError: no" in said
    assert "Traceback" in (tmp_path / "bootstrap.log").read_text()
    assert up._failed("bootstrap", "A plain sentence.", logs=tmp_path) == "The step bootstrap failed: A plain sentence."


def test_a_database_of_another_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("14\n")
    with pytest.raises(Trouble, match="of PostgreSQL 14, this release runs 18"):
        postgres._need_version(tmp_path)


def test_the_locks_of_a_killed_run_are_taken_away_whoever_has_the_number_now(tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text("1\n")
    for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        (tmp_path / name).write_text("1\n")
    postgres._clear_stale_lock(tmp_path, host=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_not_up_yet_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "running.json").touch()
    with pytest.raises(Trouble, match="is not up yet"):
        servers.remembered(DataFolder(tmp_path, {}))


def test_an_administrator_s_address_becomes_three_logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_CONTROL_URL", "DATABASE_OWNER_URL", "REDIS_URL", "CACHE_REDIS_URL", "EMAIL_URL", "PUBLIC_URL", "SECRET_KEY", "FIELD_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", "postgresql://admin:p%20w%2F%40@db.example:5433/crm")
    monkeypatch.setenv("REDIS_URL", "redis://:secret@queue.example:6380/0")
    data = DataFolder(tmp_path, {"SECRET_KEY": "s" * 40})
    found = given.read(data)
    assert Login.parse(found["DATABASE_OWNER_URL"]).password == "p w/@"
    assert [Login.parse(found[name]).user for name in ("DATABASE_URL", "DATABASE_CONTROL_URL")] == ["app", "control"]
    assert found["CACHE_REDIS_URL"] == found["REDIS_URL"]
    assert given.places(found) == "PostgreSQL at db.example:5433, database crm and Redis at queue.example:6380"
    given.remember(data, found)
    assert given.remembered(data) == found
    assert (tmp_path / "given.json").stat().st_mode & 0o077 == 0
    given.remember(data, {})
    assert given.remembered(data) == {}


def test_a_citus_server_s_address_becomes_two_logins_so_that_only_the_keeper_has_the_administrator_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "CRM_CITUS_OWNER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CRM_CITUS_URL", "postgresql://boss:w@citus.example:5432/crm")
    found = given.read(DataFolder(tmp_path, {"SECRET_KEY": "s" * 40}))
    assert {name: Login.parse(found[name]).user for name in ("CRM_CITUS_URL", "CRM_CITUS_OWNER_URL")} == {"CRM_CITUS_URL": "app", "CRM_CITUS_OWNER_URL": "boss"}
    with pytest.raises(Trouble, match="database of CRM_CITUS_URL cannot be reached"):
        given.check({"CRM_CITUS_OWNER_URL": "postgresql://a:b@127.0.0.1:1/x"})


def test_servers_that_do_not_answer_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Trouble, match="database of DATABASE_URL cannot be reached"):
        given.check({"DATABASE_OWNER_URL": "postgresql://a:b@127.0.0.1:1/x"})
    with pytest.raises(Trouble, match="queue of REDIS_URL cannot be reached"):
        given.check({"REDIS_URL": "redis://127.0.0.1:1/0"})


def test_both_locks_install_on_the_python_of_debian() -> None:
    root = Path(__file__).resolve().parents[2]
    for name in ("requirements.lock", "requirements-dev.lock"):
        assert "async-timeout==" in (root / name).read_text(), json.dumps(name)


def test_while_nothing_runs_addresses_are_those_of_the_last_run(tmp_path: Path) -> None:
    data = DataFolder.open(tmp_path)
    stopped = servers.Servers(data, None, None)
    assert stopped.environment()["PUBLIC_URL"] == "http://localhost:8000"
    servers.remember(data, stopped.environment(port=8123))
    assert stopped.environment()["PUBLIC_URL"] == "http://localhost:8123"
    assert stopped.environment(port=9000)["PUBLIC_URL"] == "http://localhost:9000"
    assert servers.Servers(data, None, None, given={"PUBLIC_URL": "https://crm.example"}).environment()["PUBLIC_URL"] == "https://crm.example"
