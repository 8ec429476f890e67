"""Forms and refusals: what a service refuses stands beside the field it is about, and what was typed stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django import forms
from django.db import transaction

from crm_platform.kernel import units
from crm_platform.kernel.errors import Invalid


class Refused(Exception):
    """The form has been given its errors: show it again."""


@contextmanager
def errors_into(form: forms.BaseForm) -> Iterator[None]:
    """Run a service; put what it refuses (Invalid) into the form, roll back what it did, and raise Refused."""
    try:
        with transaction.atomic():
            yield
    except Invalid as error:
        units.forget_reads()
        for name, sentences in error.fields.items():
            form.add_error(name if name in form.fields else None, [str(sentence) for sentence in sentences])
        if not error.fields:
            form.add_error(None, error.message)
        raise Refused from error
