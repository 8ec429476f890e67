"""Servers that the operator runs: where DATABASE_URL or REDIS_URL is set, that server is used and none of ours is started."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

import psycopg
import redis
from django.core.exceptions import ImproperlyConfigured

from crm_platform.config import env

from .datafolder import DataFolder, write
from .trouble import Trouble

# Of the other variables, these win over what the run would choose.
CHOSEN = ("SECRET_KEY", "FIELD_KEYS", "EMAIL_URL", "PUBLIC_URL", "STRIPE_API_BASE", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", *env.BUCKET)
_FILE = "given.json"


def read(data: DataFolder) -> dict[str, str]:
    """What the environment gives: the addresses of servers, the three logins written out, and what else was chosen. Raises Trouble."""
    found = {name: value for name in CHOSEN if (value := _read(name))}
    secret = found.get("SECRET_KEY") or data.secrets["SECRET_KEY"]
    found |= _written_out(env.citus(secret, keeper=True))
    if _read("DATABASE_URL"):
        names = {"app": "DATABASE_URL", "control": "DATABASE_CONTROL_URL", "owner": "DATABASE_OWNER_URL"}
        logins = env.logins(secret)
        if "owner" not in logins or "control" not in logins:
            raise Trouble("Set DATABASE_URL alone, an administrator's, or all three: DATABASE_URL, DATABASE_CONTROL_URL and DATABASE_OWNER_URL.")
        found |= {names[alias]: login.url() for alias, login in logins.items()} | _cells(secret)
    if _read("REDIS_URL"):
        found |= {"REDIS_URL": _read("REDIS_URL"), "CACHE_REDIS_URL": _read("CACHE_REDIS_URL") or _read("REDIS_URL")}
    return found


def _cells(secret: str) -> dict[str, str]:
    """The further databases, their logins written out."""
    found = {"CRM_CELLS": _read("CRM_CELLS")} if _read("CRM_CELLS") else {}
    try:
        cells = env.cells(secret)
    except ImproperlyConfigured as error:
        raise Trouble(str(error)) from None
    return found | _written_out(cells)


def _written_out(cells: Mapping[str, Mapping[str, env.Login]]) -> dict[str, str]:
    """Variables of further databases, both logins of each. Raises Trouble where one lacks the keeper's."""
    found: dict[str, str] = {}
    for alias, logins in cells.items():
        app_name, owner_name = env.cell_names(alias)
        if "owner" not in logins:
            raise Trouble(f"Set {owner_name} too: the keeper makes workspaces there.")
        found |= {app_name: logins["app"].url(), owner_name: logins["owner"].url()}
    return found


def _read(name: str) -> str:
    try:
        return env.read(name)
    except OSError as error:
        raise Trouble(f"{name}_FILE cannot be read: {error}.") from None


def check(given: Mapping[str, str]) -> None:
    """Knock at the operator's servers; raises Trouble with what they say."""
    for name in (name for name in given if name.endswith("OWNER_URL")):
        try:
            psycopg.connect(given[name], connect_timeout=5).close()
        except psycopg.Error as error:
            raise Trouble(f"The database of {name.replace('OWNER_URL', 'URL')} cannot be reached: {str(error).strip().splitlines()[0]}") from None
    for name in ("REDIS_URL", "CACHE_REDIS_URL"):
        if name in given:
            try:
                with redis.Redis.from_url(given[name], socket_timeout=5, socket_connect_timeout=5) as connection:
                    connection.ping()
            except (redis.RedisError, ValueError) as error:
                raise Trouble(f"The queue of {name} cannot be reached: {error}") from None


def places(given: Mapping[str, str]) -> str:
    """The servers that are the operator's, for the person at the terminal: without passwords."""
    found = []
    if "DATABASE_URL" in given:
        login = env.Login.parse(given["DATABASE_URL"])
        found.append(f"PostgreSQL at {login.host}:{login.port or 5432}, database {login.name}")
    if "REDIS_URL" in given:
        parts = urlsplit(given["REDIS_URL"])
        found.append(f"Redis at {parts.hostname or parts.path}:{parts.port or 6379}")
    return " and ".join(found)


def remember(data: DataFolder, given: Mapping[str, str]) -> None:
    """Keep what was given, so that `bin/crm --data` finds the same servers when the run is stopped."""
    if given:
        write(data.path / _FILE, json.dumps(dict(given)))
    else:
        (data.path / _FILE).unlink(missing_ok=True)


def remembered(data: DataFolder) -> dict[str, str]:
    """What the last run on the folder was given."""
    path = data.path / _FILE
    if not path.exists():
        return {}
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found
