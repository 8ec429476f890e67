"""Who reads what an import writes: sentences are the importer's, what becomes data of the firm is the firm's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import translation

from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.kernel import preferences, workspace

from .models import ImportRun


@contextmanager
def importers_language(pk: int) -> Iterator[None]:
    """In the language of who started the import; the firm's where no person did. A worker has none of its own."""
    with sides.unit(workspace.here()):
        by = ImportRun.objects.only("started_by_id").get(pk=pk).started_by_id
        language = (User.objects.filter(pk=by).values_list("language", flat=True).first() if by else "") or preferences.here().language
    with translation.override(language):
        yield


@contextmanager
def firms_language() -> Iterator[None]:
    """In the firm's language."""
    with translation.override(preferences.here().language):
        yield
