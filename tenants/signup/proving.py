"""What a house of the proof of isolation holds of programs: an integration with a grant, a token and a refusal. Programs look for workspaces at the public host, hence here."""

from __future__ import annotations

from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.accounts.roles import OWNER
from crm_platform.integrations import exchanging, faults, granting, services
from tenants.isolation.filling import fills


@fills
def fill(mark: str) -> None:
    """By its own services."""
    owner = actor_of(User.objects.select_related("role", "group").filter(role__code=OWNER)[0])
    back = f"https://{mark}.example/back"
    made, secret = services.make(owner, name=mark, redirect_uri=back, kind="private", scopes=["crm"])
    services.make_token(owner, made.pk, days=30)
    code = granting.give(owner, made)
    given = {"grant_type": "authorization_code", "client_id": str(made.client_id), "client_secret": secret, "code": code, "redirect_uri": back}
    exchanging.exchange(given, host="")
    faults.note(made.pk, path=f"GET /{mark}", status=404, code="not_found", sentence=mark)
