"""From a host to a workspace, and from an application to its side."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import models
from django_tenants.routers import TenantSyncRouter

from crm_platform.db.sides import CONTROL, SEAT, outside
from crm_platform.kernel import workspace
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.workspace import Place

from .models import NOBODYS, Domain, State, Workspace
from .reserved import SIDES
from .sleeping import asking

# Seconds a found address is believed without asking the registry again: no extra round trip per request.
BELIEVED = 10.0


class SideRouter(TenantSyncRouter):  # type: ignore[misc]  # django-tenants carries no types
    """An application of the control side alone goes to `control`, everything else to the seat."""

    def _side(self, model: type[models.Model]) -> str:
        return CONTROL if _control_only(model._meta.app_label) else SEAT

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str:
        return self._side(model)

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str:
        return self._side(model)

    def allow_relation(self, one: models.Model, other: models.Model, **hints: Any) -> bool:
        return self._side(one.__class__) == self._side(other.__class__)  # a lazy person says its class so


_sides: dict[str, bool] = {}


def _control_only(label: str) -> bool:
    if label not in _sides:
        router = TenantSyncRouter()
        _sides[label] = router.app_in_list(label, settings.CONTROL_APPS)
    return _sides[label]


@dataclass(frozen=True, slots=True)
class Found:
    """What an address leads to: `moved_to` is the workspace's present label where the address is an old one."""

    place: Place
    state: str
    suspended: bool
    moved_to: str = ""


_lock = threading.Lock()
_known: dict[str, tuple[float, Found | None]] = {}


def address_of(host: str) -> tuple[str, str]:
    """Split a Host header into (side, key).

    side: "public", one of SIDES ("operator", "mail", ...), or "workspace"; key: the label under a base domain, or
    the whole host where it is a firm's own.
    """
    name = host.rsplit(":", 1)[0].rstrip(".").lower() if not host.startswith("[") else host
    if settings.CRM_API_HOST and name == "127.0.0.1":
        return "workspace", settings.CRM_API_HOST
    if name in settings.BASE_DOMAINS or name in {"127.0.0.1", "[::1]"}:
        return "public", name
    for base in settings.BASE_DOMAINS:
        if name.endswith(f".{base}"):
            label = name.removesuffix(f".{base}")
            return ("public", name) if label == "www" else (label, label) if label in SIDES else ("workspace", label)
    return "workspace", name


def find_by_address(key: str) -> Found | None:
    """The workspace at a label or own host; believed for a few seconds, so that routing costs no query."""
    now = time.monotonic()
    with _lock:
        kept = _known.get(key)
        if kept and now - kept[0] < BELIEVED:
            return kept[1]
    found = _ask(key)
    with _lock:
        if len(_known) > 20_000:
            _known.clear()
        if found is None or found.state != State.ASLEEP:  # that lasts only until somebody comes
            _known[key] = (now, found)
    return found


def forget(key: str | None = None) -> None:
    """Drop what is believed of one address, or of all: after a claim, a rename, a suspension."""
    with _lock:
        if key is None:
            _known.clear()
        else:
            _known.pop(key, None)


def _ask(key: str) -> Found | None:
    with outside():
        domain = Domain.objects.filter(domain=key).select_related("tenant").first()
    if domain is None or domain.tenant.state not in (State.ACTIVE, State.LEAVING, State.ASLEEP):
        return None
    tenant: Workspace = domain.tenant
    moved_to = "" if domain.is_primary or "." in key else tenant.slug or ""
    return Found(tenant.place, tenant.state, bool(tenant.suspended_reason), moved_to)


def find_by_public_id(public_id: str) -> Place:
    """The place of a workspace by what travels outside; raises NotFound. One that is asleep is woken and waited for; raises Asleep where that takes long."""
    with outside():
        row = Workspace.objects.filter(public_id=public_id).exclude(state__in=NOBODYS).first()
    if row is None:
        raise NotFound
    if row.state == State.ASLEEP:
        row = asking.awaited(public_id)
    return row.place


def url_of(place: Place, path: str = "/") -> str:
    """The full address of a page in a workspace, under the first base domain."""
    return workspace.url(path, place=place)
