"""The command line's vocabulary: owners bring their commands in a module `commands`, found at start-up."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import click

from .errors import CrmError, Invalid

group = click.Group(help="Kartoteka's command line.")


def command(name: str, **options: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of `bin/crm`: a click command, registered under its name."""
    return group.command(name, **options)


def answer(value: Any, *, as_json: bool, text: str) -> None:
    """Print the one answer of a command, for a program or for a person."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str) if as_json else text)


def read_secret() -> str:
    """One line from standard input: passwords never are arguments."""
    return sys.stdin.readline().rstrip("\r\n")


def refuse(error: CrmError, *, as_json: bool) -> None:
    """End the command with the refusal: JSON on standard output or a sentence on standard error, status 1."""
    if as_json:
        body: dict[str, Any] = {"error": error.code, "message": error.message}
        if isinstance(error, Invalid):
            body["fields"] = {name: [str(line) for line in lines] for name, lines in error.fields.items()}
        click.echo(json.dumps(body, ensure_ascii=False))
    else:
        click.echo(error.message, err=True)
    sys.exit(1)


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
workspace_option = click.option("--workspace", "slug", required=True, help="The workspace's address label.")
