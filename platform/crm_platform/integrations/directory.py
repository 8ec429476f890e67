"""The names of integrations, kept until one changes: for the journal, without joins."""

from __future__ import annotations

from crm_platform.kernel import versions

from .models import Integration


def name_of(pk: int) -> str:
    """An integration's name, or its number where there is none."""
    names: dict[int, str] = versions.kept("integrations", ("integration",), lambda: dict(Integration.objects.values_list("pk", "name")))
    return names.get(pk, str(pk))
