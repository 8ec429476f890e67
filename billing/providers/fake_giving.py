"""What the provider in memory gives back and puts on bills beside the plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from billing.pricing import Line, Quote
from billing.pricing.periods import Period
from billing.pricing.quoting import quote

from .fake_books import Books, Subscription, untaxing
from .protocol import InvoiceSeen, RefundSeen


class _Fake(Protocol):
    books: Books
    tax_bp: int

    def _tell(self, kind: str, customer: str, object_id: str) -> None: ...
    def _charge(self, customer: str, owed: Quote, subscription: str, period: Period) -> InvoiceSeen: ...


class Giving(_Fake):
    """Refunds, credit, lines for the next bill and bills apart."""

    def _refund(self, invoice: str, amount: int) -> str:
        found = self.books.invoices[invoice]
        self.books.invoices[invoice] = replace(found, refunded=found.refunded + amount)
        made = RefundSeen(self.books.id("re"), "succeeded", amount)
        self.books.refunds[made.external_id] = (invoice, made)
        self._tell("charge.refunded", self.books.owners[invoice], invoice)
        return made.external_id

    def _keep_line(self, row: Subscription, line: Line) -> str:
        row.lines.append(line)
        return self.books.id("ii")

    def _bill_apart(self, customer: str, row: Subscription, line: Line | None) -> str:
        lines = [*row.lines, *([line] if line else [])]
        row.lines.clear()
        return self._charge(customer, quote(lines, row.target.currency, tax_bp=self.tax_bp), "", row.period).external_id if lines else ""

    def _untax(self, invoice: str, amount: int, reason: str) -> str:
        found, owner = self.books.invoices[invoice], self.books.owners[invoice]
        number = self.books.id("cn")
        self.books.notes[number] = untaxing(found, number, amount, reason)
        self._credit(owner, amount)
        self._tell("credit_note.created", owner, number)
        return number

    def _credit(self, customer: str, amount: int) -> str:
        self.books.customers[customer].balance -= amount
        self._tell("customer.updated", customer, customer)
        return self.books.id("cbtxn")
