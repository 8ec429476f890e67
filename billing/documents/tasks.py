"""Work of documents that waits for nobody: paper is set after the commit, refunds are asked for again."""

from __future__ import annotations

from billing.documents.models import Invoice
from crm_platform.db import sides
from crm_platform.kernel import jobs
from crm_platform.kernel.jobs import Lease

from .paper import printing


@jobs.register("documents.print")
def print_document(pk: int, *, lease: Lease) -> None:
    """Make the file of a document that was just issued."""
    with sides.control_unit():
        row = Invoice.objects.filter(pk=pk).first()
    if row is not None:
        printing.pdf_of(row.public_id, account_id=row.account_id)
