"""The command line of workspaces: bootstrap, keeper, scheduler, create, list, delete, neighbours, prove."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import click

from crm_platform.accounts import services as people
from crm_platform.db import sides
from crm_platform.integrations import granting
from crm_platform.kernel import commands, neighbours
from crm_platform.kernel.commands import answer, as_json, read_secret, workspace_option

from . import creating, keeper, routing, scheduler
from .finding import NoSuchWorkspace, awake, by_slug
from .isolation import proving
from .lifecycle import certificates, erasing, states
from .models import NOBODYS, Nap, NapStep, Workspace
from .moving import commands as _moving
from .provisioning import bootstrap, measuring, owner
from .returning import commands as _returning
from .rollout import commands as _rollout
from .rollout import measuring as measuring_rollouts
from .rollout import run as rollouts
from .sleeping import commands as _sleeping
from .snapshots import commands as _snapshots
from .timing import commands as _timing

__all__ = ["NoSuchWorkspace", "by_slug", "described"]
# Each slice brings its own commands; importing them registers them.
_SLICES = (_moving, _returning, _rollout, _sleeping, _snapshots, _timing)


def _until_stopped(work: Callable[[threading.Event], None]) -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_args: stop.set())
    work(stop)


@commands.command("bootstrap")
@click.option("--pool", type=int, default=None, help="How many workspaces to make ready.")
def bootstrap_command(pool: int | None) -> None:
    """Bring the database to this release: logins, shared schema, template, pool, plans."""
    bootstrap.run(pool_size=pool, say=click.echo)


@commands.command("keeper")
def keeper_command() -> None:
    """Run the keeper until stopped."""
    with owner.seated():
        _until_stopped(_keep)


def _keep(stop: threading.Event) -> None:
    with rollouts.beside(stop):
        keeper.work(stop)


@commands.command("scheduler")
def scheduler_command() -> None:
    """Run the scheduler until stopped."""
    _until_stopped(scheduler.run)


@commands.command("create-workspace")
@click.option("--name", required=True, help="The firm's name.")
@click.option("--slug", required=True, help="The address label.")
@click.option("--email", required=True, help="The owner's e-mail.")
@click.option("--password-stdin", is_flag=True, help="Read the owner's password from standard input; else it is set by mail.")
@click.option("--plan", default="trial", help="trial, free, start, team or business.")
@click.option("--person", default="", help="The owner's name.")
@click.option("--language", default="en", help="en, ru, fr, nl or uz.")
@click.option("--currency", default="EUR", help="ISO 4217.")
@click.option("--time-zone", default="UTC", help="IANA name.")
@as_json
def create_workspace(as_json: bool, password_stdin: bool, **given: Any) -> None:
    """Make a firm's workspace."""
    wish = creating.Wish(
        firm=given["name"], slug=given["slug"], email=given["email"], password=read_secret() if password_stdin else "",
        name=given["person"], language=given["language"], currency=given["currency"], time_zone=given["time_zone"], plan=given["plan"],
    )  # fmt: skip
    workspace = creating.create_workspace(wish)
    answer(described(workspace), as_json=as_json, text=f"{workspace.name}: {routing.url_of(workspace.place)}")


def described(workspace: Workspace, *, trouble: str = "") -> dict[str, Any]:
    """A workspace as the command line shows it; `trouble` is why it cannot be woken, where it cannot."""
    return {
        "public_id": workspace.public_id,
        "slug": workspace.slug,
        "name": workspace.name,
        "state": workspace.state,
        "url": routing.url_of(workspace.place),
        "schema": workspace.schema_name,
        "created_at": workspace.claimed_at,
        "trouble": trouble,
    }


@commands.command("list-workspaces")
@as_json
def list_workspaces(as_json: bool) -> None:
    """All workspaces that have an owner."""
    with sides.control_unit():
        lost = dict(Nap.objects.filter(finished_at=None, step=NapStep.ASLEEP).exclude(error="").values_list("workspace_id", "error"))
        rows = [described(row, trouble=lost.get(row.pk, "")) for row in Workspace.objects.exclude(state__in=NOBODYS).order_by("id")]
    lines = ("\t".join(filter(None, (row["slug"], row["state"], row["name"], row["trouble"]))) for row in rows)
    answer(rows, as_json=as_json, text="\n".join(lines))


@commands.command("neighbours")
@click.option("--minutes", type=click.IntRange(1, 100), default=5, help="Of how many minutes, the begun one included.")
@as_json
def neighbours_command(as_json: bool, minutes: int) -> None:
    """The workspaces that take most just now: requests, jobs, seconds of the database, refusals."""
    found = neighbours.heaviest(minutes=minutes)
    with sides.control_unit():
        slugs = dict(Workspace.objects.filter(public_id__in=[key for key, _one in found]).values_list("public_id", "slug"))
    rows = [{"workspace": slugs.get(key) or key, "public_id": key, **{name: round(value, 3) for name, value in one.items()}} for key, one in found]
    lines = [f"{'database, s':>12}{'requests':>10}{'jobs':>8}{'refused':>9}  workspace"]
    lines += [f"{row['database']:>12.1f}{row['requests']:>10.0f}{row['jobs']:>8.0f}{row['refused']:>9.0f}  {row['workspace']}" for row in rows]
    answer(rows, as_json=as_json, text="\n".join(lines) if rows else "Nobody asked for anything.")


@commands.command("delete-workspace")
@workspace_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def delete_workspace(slug: str, yes: bool, as_json: bool) -> None:
    """Erase a workspace with everything in it, at once; prints the certificate."""
    workspace = by_slug(slug)
    if not yes:
        click.confirm(f"Erase {workspace.name} ({slug}) with everything in it?", abort=True)
    certificate = erasing.erase_at_once(workspace, by=states.OPERATOR)
    if certificate.finished_at is None:
        text = f"{slug} is closed and being erased: what it bought is ended at its payment service first, then the keeper drops it. Certificate {certificate.pk}."
        answer({"certificate": certificate.pk, "erased": slug, "finished": False, "url": certificates.address(certificate.pk)}, as_json=as_json, text=text)
        return
    told = certificates.facts(certificate)
    facts = {**told, "counts": told["erased"], "erased": slug, "finished": True, "url": certificates.address(certificate.pk)}
    answer(facts, as_json=as_json, text=f"{slug} is erased.\n\n{certificates.text(certificate)}")


@commands.command("create-token")
@workspace_option
@click.option("--email", required=True, help="Whose token.")
@click.option("--name", default="command line", help="What it is for.")
@as_json
def create_token(slug: str, email: str, name: str, as_json: bool) -> None:
    """A long-lived token of a person."""
    with sides.unit(awake(slug).place):
        token = people.create_token_by_email(email, name=name)
    answer({"token": token, "email": email, "workspace": slug}, as_json=as_json, text=token)


@commands.command("create-integration")
@workspace_option
@click.option("--email", required=True, help="Who lets it in; it works in this person's name.")
@click.option("--name", default="command line", help="What it is called in the settings.")
@click.option("--redirect-uri", default="https://example.com/", help="Where its own page of return is.")
@as_json
def create_integration(slug: str, email: str, name: str, redirect_uri: str, as_json: bool) -> None:
    """An integration with its secret, and a code for its first token, good for 20 minutes."""
    with sides.unit(awake(slug).place):
        made, secret, code = granting.begin(people.active_by_email(email), name=name, redirect_uri=redirect_uri)
        told = {"client_id": str(made.client_id), "client_secret": secret, "code": code, "redirect_uri": made.redirect_uri}
    answer(told, as_json=as_json, text="\n".join(f"{word} {value}" for word, value in told.items()))


@commands.command("measure-provisioning", hidden=True)
@as_json
def measure_provisioning(as_json: bool) -> None:
    """Time a claim, the making of a ready schema, and django-tenants' own migrations into a fresh one: for the bench."""
    found = measuring.provisioning()
    answer(found, as_json=as_json, text=str(found))


@commands.command("prove-isolation")
@click.option("--attempts", type=int, default=0, help="Go on to so many attempts; every way in is tried once in any case.")
@as_json
def prove_isolation(as_json: bool, attempts: int) -> None:
    """Try every way into one workspace with what belongs to another, on throw-away ones; the result is kept for the operators. Status 1 where anything came through."""
    signal.signal(signal.SIGTERM, lambda *_args: sys.exit(143))  # asked to end, it still erases what it made
    result = proving.prove(attempts=attempts)
    kept = proving.keep(result)
    said = [f"{result.total} attempts of {len(result.attempts)} kinds at {result.routes} addresses: {'nothing came through.' if result.holds else 'NOT ISOLATED.'}", *result.failures]
    answer(proving.described(result, kept=kept), as_json=as_json, text="\n".join(said))
    if not result.holds:
        sys.exit(1)


@commands.command("measure-making", hidden=True)
@click.option("--count", type=click.IntRange(0), required=True)
@click.option("--prefix", required=True, help="What their addresses begin with.")
@as_json
def measure_making(count: int, prefix: str, as_json: bool) -> None:
    """Make active workspaces that nobody is in: for the bench's rollout."""
    found = measuring.make_active(count, prefix=prefix)
    answer(found, as_json=as_json, text=str(found))


@commands.command("measure-rollout", hidden=True)
@click.option("--stock", type=click.IntRange(0), default=0, help="Time django-tenants' own way over so many workspaces instead of ours over all; what it did is put back.")
@click.option("--parallel", type=click.IntRange(1, 16), default=2)
@as_json
def measure_rollout(stock: int, parallel: int, as_json: bool) -> None:
    """Time a release that adds a column with an index: for the bench."""
    found = measuring_rollouts.stock(stock) if stock else measuring_rollouts.ours(parallel=parallel)
    answer(found, as_json=as_json, text=str(found))
