"""What the bench needs done beside the databases: hidden commands, each with one answer in JSON."""

from __future__ import annotations

import click

from crm_platform.kernel import commands
from crm_platform.kernel.commands import answer, as_json, read_secret, workspace_option

from . import asking, doors, entering, firms, limits, telling


@commands.command("measure-firms", hidden=True)
@click.option("--count", type=click.IntRange(0), required=True)
@click.option("--prefix", required=True, help="What their addresses begin with.")
@as_json
def measure_firms(count: int, prefix: str, as_json: bool) -> None:
    """Make small firms and sessions in them."""
    found = firms.make(count, prefix=prefix)
    answer(found, as_json=as_json, text=f"{count} firms in {found['seconds']} s")


@commands.command("measure-entering", hidden=True)
@workspace_option
@click.option("--path", default="/settings/tokens", help="The page whose round trips are counted.")
@click.option("--times", type=click.IntRange(1), default=1000)
@as_json
def measure_entering(slug: str, path: str, times: int, as_json: bool) -> None:
    """Count and time what entering a workspace costs; the session's key comes by standard input."""
    found = entering.measure(slug, path=path, cookie=read_secret(), times=times)
    answer(found, as_json=as_json, text=str(found))


@commands.command("measure-paying", hidden=True)
@workspace_option
@as_json
def measure_paying(slug: str, as_json: bool) -> None:
    """Give a workspace a customer at the payment service."""
    found = limits.customer_of(slug)
    answer(found, as_json=as_json, text=str(found))


@commands.command("measure-limit", hidden=True)
@workspace_option
@as_json
def measure_limit(slug: str, as_json: bool) -> None:
    """Count the statements of a check, then create a hundred contacts at once where fewer fit."""
    found = limits.measure(slug)
    answer(found, as_json=as_json, text=str(found))


@commands.command("measure-hooks", hidden=True)
@workspace_option
@click.option("--destination", required=True)
@click.option("--format", "form", default="amocrm")
@click.option("--rate", type=click.IntRange(1), default=100, help="Events a second.")
@click.option("--seconds", type=click.IntRange(1), default=30)
@as_json
def measure_hooks(slug: str, destination: str, form: str, rate: int, seconds: int, as_json: bool) -> None:
    """Subscribe a destination, then make so many deals a second for so long, each in a unit of its own."""
    found = telling.measure(slug, destination=destination, form=form, rate=rate, seconds=seconds)
    answer(found, as_json=as_json, text=str(found))


@commands.command("measure-intake", hidden=True)
@workspace_option
@as_json
def measure_intake(slug: str, as_json: bool) -> None:
    """Give a workspace a source of leads, and its key."""
    found = doors.source_of(slug)
    answer(found, as_json=as_json, text=str(found))


@commands.command("measure-api", hidden=True)
@workspace_option
@click.option("--path", required=True, help="The question.")
@click.option("--times", type=click.IntRange(1), default=20)
@as_json
def measure_api(slug: str, path: str, times: int, as_json: bool) -> None:
    """Time the statements of a question to the open API alone; the token comes by standard input."""
    found = asking.measure(slug, path=path, token=read_secret(), times=times)
    answer(found, as_json=as_json, text=str(found))
