"""The command line of operators' accounts."""

from __future__ import annotations

import click

from crm_platform.db import sides
from crm_platform.kernel import commands
from crm_platform.kernel.commands import answer, as_json, read_secret

from . import operators

_ROLE = click.Choice(list(operators.DUTIES))


@commands.command("create-operator")
@click.option("--email", required=True, help="The operator's address.")
@click.option("--name", default="", help="The operator's name.")
@click.option("--role", type=_ROLE, default="admin", help="How far the operator may go.")
@click.option("--password-stdin", is_flag=True, required=True, help="Read the password from standard input.")
@as_json
def create_operator(email: str, name: str, role: str, password_stdin: bool, as_json: bool) -> None:
    """An account for the operators' console; the second factor is set up at the first log-in."""
    password = read_secret()
    with sides.control_unit():
        person = operators.create(None, email=email, name=name, role=role, password=password)
    answer({"email": person.email, "role": role}, as_json=as_json, text=f"{person.email} may come in at the operators' host ({role}).")


@commands.command("change-operator")
@click.option("--email", required=True, help="The operator's address.")
@click.option("--role", type=_ROLE, default=None, help="Another role.")
@click.option("--password-stdin", is_flag=True, help="Read another password from standard input.")
@click.option("--forget-second-factor", is_flag=True, help="The device is gone; a new factor is set up at the next log-in.")
@click.option("--open", "open_again", is_flag=True, help="Let one who was closed come in again.")
@click.option("--close", "shut", is_flag=True, help="The operator comes in no more.")
@as_json
def change_operator(email: str, role: str | None, password_stdin: bool, forget_second_factor: bool, open_again: bool, shut: bool, as_json: bool) -> None:
    """Change an operator's account; whoever was in is logged out."""
    password = read_secret() if password_stdin else ""
    with sides.control_unit():
        person = operators.by_email(email)
        if shut:
            operators.close(None, pk=person.pk)
        else:
            person = operators.change(None, pk=person.pk, role=role, password=password, forget_second_factor=forget_second_factor, open_again=open_again)
    answer({"email": person.email, "role": person.role.code, "closed": shut}, as_json=as_json, text=f"{person.email}: changed.")
