"""Forms and refusals: what a service refuses stands beside the field it is about, and what was typed stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django import forms
from django.db import transaction

from crm_platform.kernel import gates, units
from crm_platform.kernel.errors import Conflict, CrmError, Invalid, PlanRefusal
from crm_platform.kernel.http.errors import in_words


class Refused(Exception):
    """The form has been given its errors: show it again, with this status; `error` is what the service said."""

    def __init__(self, error: CrmError) -> None:
        self.error, self.status = error, error.status
        super().__init__(error.status)


@contextmanager
def errors_into(form: forms.BaseForm) -> Iterator[None]:
    """Run a service; put what it or the plan refuses (Invalid, Conflict, PlanRefusal) into the form, take back what it did, and raise Refused.

    The limits are settled here already: a race for the last place is decided while the form can still come back.
    """
    held = gates.snapshot()
    try:
        with in_words(), transaction.atomic():
            yield
            gates.settle()
    except (Invalid, Conflict, PlanRefusal) as error:
        units.forget_reads()
        gates.roll_back(held)
        if hasattr(form, "offer_anew"):  # what a field offers may be what has gone
            form.offer_anew()
        fields = error.fields if isinstance(error, Invalid) else {}
        for name, sentences in fields.items():
            form.add_error(name if name in form.fields else None, [str(sentence) for sentence in sentences])
        if not fields:
            form.add_error(None, error.message)
        form.plan_is_full = isinstance(error, PlanRefusal)  # type: ignore[attr-defined]  # the drawn form shows the way out
        raise Refused(error) from error
