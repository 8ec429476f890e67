"""The demo workspace and invented data, on the command line."""

from __future__ import annotations

import json
import secrets
import uuid
from pathlib import Path
from typing import Any

import click
from django.conf import settings

from crm_core.insights.bench import commands as bench_commands  # noqa: F401  # registers its commands
from crm_core.sales.deals.models import Deal
from crm_platform.accounts import services as people
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.kernel import commands, preferences
from crm_platform.kernel.commands import answer, as_json, workspace_option
from tenants import creating, routing
from tenants.finding import awake
from tenants.lifecycle.models import Entry
from tenants.models import State, Workspace

from . import demo, seeding

SLUG, EMAIL = "demo-workshop", "marijke@dekker.example"
# One operation for all tries: what an interrupted start left half made is taken up again.
OPERATION = uuid.uuid5(uuid.NAMESPACE_DNS, SLUG)


@commands.command("demo")
@as_json
def demo_command(as_json: bool) -> None:
    """Make the demo workspace, once; print its address and log-in. One that was let go, renamed or put to sleep since is left as it is."""
    kept = Path(settings.CRM_DATA) / "demo.json"
    present = _made_before()
    password = json.loads(kept.read_text())["password"] if kept.exists() else f"oak-and-ash-{secrets.token_hex(3)}"
    if present is None:
        wish = creating.Wish(firm="Timmerwerkplaats Dekker", slug=SLUG, email=EMAIL, password=password, name="Marijke Dekker", time_zone="Europe/Amsterdam", country="NL")
        kept.touch(mode=0o600)
        kept.write_text(json.dumps({"password": password}))
        present = creating.create_workspace(wish, operation=OPERATION)
    if present.state == State.ACTIVE:
        _fill(present)
    url = None if present.state == State.ERASED else routing.url_of(present.place)
    answer({"url": url, "email": EMAIL, "password": password}, as_json=as_json, text=f"{url}  {EMAIL}  {password}" if url else "The demo workspace was erased.")


def _made_before() -> Workspace | None:
    """The workspace that an earlier start has made and opened, however it stands now."""
    with sides.control_unit():
        opened = Entry.objects.select_related("workspace").filter(operation=OPERATION, kind="opened").first()
        return opened.workspace if opened is not None else Workspace.objects.filter(slug=SLUG, state=State.ACTIVE).first()


def _fill(workspace: Workspace) -> None:
    with sides.unit(workspace.place):
        if not Deal.objects.exists():
            owner = User.objects.select_related("role", "group").get(email=EMAIL)
            people.mark_confirmed(owner)
            with preferences.local_time():
                demo.fill(owner)


@commands.command("seed-workspace")
@workspace_option
@click.option("--contacts", type=int, default=1000)
@click.option("--companies", type=int, default=200)
@click.option("--deals", type=int, default=500)
@click.option("--activities", type=int, default=2000)
@click.option("--seed", type=int, default=1, help="The same seed makes the same data.")
@as_json
def seed_workspace(slug: str, as_json: bool, seed: int, **counts: Any) -> None:
    """Fill a workspace with invented data, for measuring."""
    place = awake(slug).place
    made = seeding.seed(
        place, contact_count=counts["contacts"], company_count=counts["companies"], deal_count=counts["deals"], activity_count=counts["activities"], seed_number=seed
    )
    answer(made, as_json=as_json, text=", ".join(f"{number} {name}" for name, number in made.items()))
