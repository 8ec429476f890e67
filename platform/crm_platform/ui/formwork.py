"""Forms and refusals: what a service refuses stands beside the field it is about, and what was typed stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django import forms
from django.db import transaction

from crm_platform.kernel import gates, units
from crm_platform.kernel.errors import Invalid, PlanRefusal


class Refused(Exception):
    """The form has been given its errors: show it again, with this status."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


@contextmanager
def errors_into(form: forms.BaseForm) -> Iterator[None]:
    """Run a service; put what it or the plan refuses (Invalid, PlanRefusal) into the form, take back what it did, and raise Refused."""
    held = gates.snapshot()
    try:
        with transaction.atomic():
            yield
    except (Invalid, PlanRefusal) as error:
        units.forget_reads()
        gates.roll_back(held)
        fields = error.fields if isinstance(error, Invalid) else {}
        for name, sentences in fields.items():
            form.add_error(name if name in form.fields else None, [str(sentence) for sentence in sentences])
        if not fields:
            form.add_error(None, error.message)
        form.plan_is_full = isinstance(error, PlanRefusal)  # type: ignore[attr-defined]  # the drawn form shows the way out
        raise Refused(error.status) from error
