"""The commands of the house itself: checks, locks, releases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
from django.conf import settings

from crm_platform.kernel import commands


@commands.command("ready", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def ready(arguments: tuple[str, ...]) -> None:
    """Run the checks that are not tests: contracts, lints, types, migrations and their rules, templates, translations."""
    from crm_platform.config.ready import run  # inline: development tools are not installed where the product runs

    sys.exit(run(list(arguments)))


@commands.command("translations")
def translations() -> None:
    """Bring the catalogues up to the sentences of code and templates, and compile them."""
    from crm_platform.config.translations import (
        write,  # inline: development tools are not installed where the product runs
    )

    for language, lacking in write().items():
        click.echo(f"{language}: {lacking} sentences wait for a translation")


@commands.command("cut-release")
@click.option("--again", is_flag=True, help="List the newest release anew: it has not been shipped yet.")
def cut_release(*, again: bool) -> None:
    """List today's migrations as those of this release: what comes later must let it serve on."""
    from crm_platform import __version__
    from crm_platform.db.rules import checking, releases  # inline: needed here alone

    try:
        listed = releases.cut(__version__, again=again)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    found = checking.everything(listed)
    if found:
        raise click.ClickException("\n".join(map(str, found)))
    releases.write(listed)
    click.echo(f"release {__version__}: the migrations of {len(listed[-1]['leaves'])} applications")


@commands.command("lock")
def lock() -> None:
    """Make requirements.lock and requirements-dev.lock from their .in files."""
    for name in ("requirements", "requirements-dev"):
        subprocess.run(  # noqa: S603 (our own arguments)
            [sys.executable, "-m", "piptools", "compile", "-q", "--generate-hashes", "--allow-unsafe", "--no-emit-index-url",
             "--no-emit-find-links", "--strip-extras", f"{name}.in", "-o", f"{name}.lock"],
            cwd=Path(settings.ROOT), check=True,
        )  # fmt: skip
