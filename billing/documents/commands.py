"""The command line of documents."""

from __future__ import annotations

import re

import click

from billing.models import BillingAccount
from crm_platform.db import sides
from crm_platform.kernel import commands
from crm_platform.kernel.commands import answer, as_json, workspace_option
from crm_platform.kernel.errors import CrmError, NotFound
from crm_platform.kernel.permissions import robot
from tenants.finding import by_slug

from . import correcting


@commands.command("billing-tax-id")
@workspace_option
@click.argument("tax_id")
@click.option("--state", type=click.Choice([correcting.VERIFIED, correcting.REFUSED]), required=True, help="What the registry said.")
@as_json
def tax_id(slug: str, tax_id: str, state: str, as_json: bool) -> None:
    """Note what the registry says of a payer's tax id. What was charged as tax meanwhile is mended by credit note, new invoice and credit."""
    workspace = by_slug(slug)
    try:
        with sides.control_unit():
            account = BillingAccount.objects.filter(workspace=workspace).first()
        if account is None:
            raise NotFound
        made = correcting.judge(account.pk, re.sub(r"[\s.-]", "", tax_id).upper(), state, actor=robot("command line"))
    except CrmError as error:
        commands.refuse(error, as_json=as_json)
        return
    numbers = [row.number for row in made]
    answer({"workspace": slug, "tax_id": tax_id, "state": state, "invoices": numbers}, as_json=as_json, text=f"{tax_id}: {state}. Invoices made anew: {', '.join(numbers) or 'none'}.")
