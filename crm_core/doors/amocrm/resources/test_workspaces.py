"""Test workspaces: one call gives an address, data to work with and a token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, seconds, settle
from crm_core.doors.amocrm.wire.once import SECRET
from crm_core.insights.examples import demo
from crm_platform.accounts import services as accounts
from crm_platform.accounts import tokens
from crm_platform.accounts.models import User
from crm_platform.accounts.roles import SETTINGS
from crm_platform.db import sides
from crm_platform.kernel import clock, preferences, workspace
from crm_platform.kernel.errors import Forbidden
from crm_platform.kernel.permissions import require
from crm_platform.kernel.workspace import Place
from tenants import routing
from tenants.creating import Wish
from tenants.errands import errand
from tenants.sandboxes import services


def make(asked: Asked) -> HttpResponse:
    """Make a test workspace of your own, filled with examples: free, for 30 days, three at a time. The answer has its address and a token for it."""
    require(asked.actor, SETTINGS.right("edit"))
    if asked.actor.user_id is None:
        raise Forbidden
    item = Item(asked.item)
    name = item.text("name", most=80)
    settle([item])
    person, place = User.objects.get(pk=asked.actor.user_id), workspace.here()
    email, pk, who = person.email or "", person.pk, person.name
    firm = preferences.here()
    wish = Wish(
        firm=f"Test: {name or firm.firm}"[:120], slug=services.fresh_slug(), email=email, password="", name=who, language=firm.language, time_zone=firm.time_zone,
        currency=firm.currency, country=firm.country, plan=services.PLAN,
    )  # fmt: skip
    told = errand(asked.request, lambda: _made(place, pk, wish))
    answer = answers.told({**told, "_links": answers.href(asked, "test_workspaces")}, status=201)
    answer.headers["Cache-Control"] = SECRET
    return answer


def _made(place: Place, person: int, wish: Wish) -> dict[str, Any]:
    row = services.make(place.public_id, person=person, wish=wish)
    made = row.workspace
    if made is None:
        raise Forbidden
    with sides.unit(made.place):
        owner = User.objects.select_related("role", "group").get(email=wish.email)
        accounts.mark_confirmed(owner)
        with preferences.local_time():
            demo.fill(owner)
        life = row.ends_at - clock.now()
        token = tokens.make_api_token(owner, name="test", purpose=tokens.For(life=max(life, timedelta(days=1))))
    url = routing.url_of(made.place)
    return {"id": made.public_id, "name": made.name, "subdomain": made.slug, "url": url, "api": f"{url.rstrip('/')}/api/v4", "token": token, "is_test": True, "ends_at": seconds(row.ends_at)}
