"""From a host to a workspace, and from an application to its side."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import models
from django_tenants.routers import TenantSyncRouter

from crm_platform.db.sides import CONTROL, OWNER, SEAT, control_unit, is_owner, outside
from crm_platform.kernel import workspace
from crm_platform.kernel.errors import BehindRelease, NotFound
from crm_platform.kernel.workspace import Place

from .models import NOBODYS, Domain, State, TemplateScript, Workspace
from .provisioning import template
from .reserved import SIDES
from .rollout import steps
from .sleeping import asking

# Seconds a found address is believed without asking the registry again: no extra round trip per request.
BELIEVED = 10.0
# For so long that it is behind: it may be brought to this release at any moment.
BEHIND_BELIEVED = 0.5
# That nobody lives there is believed for a moment only: a rename leads people to an address that was free just now.
DOUBTED = 1.0


class SideRouter(TenantSyncRouter):  # type: ignore[misc]  # django-tenants carries no types
    """An application of the control side alone goes to `control`, everything else to the seat."""

    def _side(self, model: type[models.Model]) -> str:
        return CONTROL if _control_only(model._meta.app_label) else SEAT

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str:
        return self._side(model)

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str:
        return self._side(model)

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool | None:
        """The first database's owner migrates both sides, by the schema; a further one's only workspaces."""
        if is_owner(db) and db != OWNER:
            return None if self.app_in_list(app_label, settings.TENANT_APPS) else False
        found: bool | None = super().allow_migrate(db, app_label, model_name, **hints)
        return found

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
    """What an address leads to: `moved_to` is the workspace's present label where the address is an old one; `behind` says that a rollout has not reached it.

    Whether people may come in is access.
    """

    place: Place
    state: str
    moved_to: str = ""
    behind: bool = False


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
        if kept and now - kept[0] < (DOUBTED if kept[1] is None else BEHIND_BELIEVED if kept[1].behind else BELIEVED):
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
            _believed.clear()
        else:
            _known.pop(key, None)


def _ask(key: str) -> Found | None:
    with outside():
        domain = Domain.objects.filter(domain=key).select_related("tenant").first()
    if domain is None or domain.tenant.state not in (State.ACTIVE, State.LEAVING, State.ASLEEP):
        return None
    tenant: Workspace = domain.tenant
    moved_to = "" if domain.is_primary or "." in key else tenant.slug or ""
    return Found(tenant.place, tenant.state, moved_to, _is_behind(tenant))


_served: dict[tuple[str, str], bool] = {}


def _is_behind(tenant: Workspace) -> bool:
    """Whether a workspace lacks a migration of this release; one that has more is served: releases only add (design section 5)."""
    mine = template.fingerprint()
    if tenant.template_version == mine:
        return False
    key = mine, tenant.template_version
    if key not in _served:
        with outside():
            row = TemplateScript.objects.filter(pk=tenant.template_version).only("migrations").first()
        _served[key] = row is not None and template.names() <= frozenset(row.migrations)
    return not _served[key]


def bring_soon(place: Place) -> None:
    """Somebody stands before the door of a workspace that is behind: it comes next. Opens a control unit."""
    with control_unit():
        steps.hurry(place.public_id)


def find_by_public_id(public_id: str) -> Place:
    """The place of a workspace by what travels outside; raises NotFound (also until it is opened), and BehindRelease until a rollout has reached it.

    One that is asleep is woken and waited for; raises Asleep where that takes long.
    """
    with outside():
        row = Workspace.objects.filter(public_id=public_id).exclude(state__in=(*NOBODYS, State.CLAIMING)).first()
    if row is None:
        raise NotFound
    if row.state == State.ASLEEP:
        row = asking.awaited(public_id)
    if _is_behind(row):
        raise BehindRelease
    return row.place


_believed: dict[str, tuple[float, Place]] = {}


def believe(public_id: str) -> Place:
    """The same, asked once in a few seconds: for doors at which hundreds knock a second. Who is turned away there calls `disbelieve` and comes again."""
    kept = _believed.get(public_id)
    if kept is None or time.monotonic() - kept[0] > BELIEVED:
        if len(_believed) > 20_000:
            _believed.clear()
        kept = _believed[public_id] = time.monotonic(), find_by_public_id(public_id)
    return kept[1]


def disbelieve(public_id: str) -> None:
    """The workspace is not where it was believed to be."""
    _believed.pop(public_id, None)


def url_of(place: Place, path: str = "/") -> str:
    """The full address of a page in a workspace, under the first base domain."""
    return workspace.url(path, place=place)
