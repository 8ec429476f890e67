"""What a program asks with a token. The whole API comes with a later release; this much lets a token be tried."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from crm_platform.kernel import preferences, workspace

from .middleware import by_token
from .models import User


@by_token
@require_safe
def me(request: HttpRequest) -> JsonResponse:
    """Whose token it is, what role that person has, and in which workspace."""
    person = cast("User", request.user)
    facts = {
        "name": person.name, "email": person.email, "role": person.role.code,
        "workspace": {"name": preferences.here().firm or workspace.here().name, "address": workspace.url("/")},
    }  # fmt: skip
    return JsonResponse(facts, headers={"Cache-Control": "no-store"})
