"""The certificate of an erasure: what was erased, when, by whose wish, and when the backups forget it. It names no person and no firm."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm_platform.db import sides
from crm_platform.kernel import clock, workspace
from crm_platform.kernel.errors import NotFound
from crm_platform.ui.markup import figure
from tenants.models import Workspace

from .models import Certificate, Departure

ASKED_BY = {
    "person": _("an owner of the workspace"), "operator": _("the operator"), "billing": _("the rules of the plan, after its notices"), "keeper": _("the operator"),
}  # fmt: skip


def begin(row: Workspace, departure: Departure) -> Certificate:
    """The certificate of an erasure that has begun. Inside a control unit."""
    return Certificate.objects.create(
        id=departure.certificate, workspace=row, asked_by=departure.asked_by, asked_at=departure.asked_at, backup_days=settings.CRM_BACKUP_DAYS,
        address_digest=digest_of_address(row.public_id, row.slug or ""),
    )  # fmt: skip


def digest_of_address(public_id: str, slug: str) -> str:
    """With it whoever knows the address can show that a certificate speaks of it; the address is not kept."""
    return hashlib.sha256(f"{public_id}:{slug}".encode()).hexdigest()


def finish(certificate: Certificate) -> None:
    """Close it with its own sum. Inside a control unit."""
    certificate.finished_at = clock.now()
    certificate.steps = {**certificate.steps, "certificate": certificate.finished_at.isoformat()}
    certificate.digest = _sum(certificate)
    certificate.save(update_fields=["finished_at", "steps", "digest"])


def get(pk: str) -> Certificate:
    """A finished certificate; raises NotFound. Opens a control unit unless inside one."""
    with sides.outside():
        found = Certificate.objects.select_related("workspace").filter(pk=pk).exclude(finished_at=None).first()
    if found is None:
        raise NotFound
    return found


def facts(certificate: Certificate) -> dict[str, Any]:
    """All of it, for programs; `sha256` is the sum of the rest, written by `json.dumps(..., sort_keys=True)` without blanks."""
    return {**_facts(certificate), "sha256": certificate.digest}


def _facts(certificate: Certificate) -> dict[str, Any]:
    finished = certificate.finished_at
    assert finished is not None  # noqa: S101 (only finished ones are shown)
    return {
        "certificate": certificate.pk,
        "workspace": certificate.workspace.public_id,
        "address_sha256": certificate.address_digest,
        "asked_by": certificate.asked_by,
        "asked_at": certificate.asked_at.isoformat(),
        "erased_at": finished.isoformat(),
        "erased": certificate.erased,
        "steps": certificate.steps,
        "backups_kept_days": certificate.backup_days,
        "backups_forget_at": (finished + timedelta(days=certificate.backup_days)).isoformat(),
    }


def _sum(certificate: Certificate) -> str:
    return hashlib.sha256(json.dumps(_facts(certificate), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def address(pk: str, ending: str = "") -> str:
    """Where the certificate stands, for whoever has its number."""
    with sides.outside():
        return workspace.url(f"/erasure/{pk}{ending}")


def lines(certificate: Certificate) -> list[tuple[str, str]]:
    """The certificate for reading: label and value, in the reader's language."""
    erased, finished = certificate.erased, certificate.finished_at
    assert finished is not None  # noqa: S101 (only finished ones are shown)
    forget = finished + timedelta(days=certificate.backup_days)
    return [
        (_now("Certificate"), certificate.pk),
        (_now("Workspace"), certificate.workspace.public_id),
        (_now("Asked for by"), str(ASKED_BY.get(certificate.asked_by, certificate.asked_by))),
        (_now("Asked for on"), moment(certificate.asked_at)),
        (_now("Erased on"), moment(finished)),
        (_now("Tables"), figure(erased.get("tables", 0))),
        (_now("Rows"), figure(erased.get("rows", 0))),
        (_now("Size in the database"), str(filesizeformat(erased.get("database_bytes", 0)))),
        (_now("Files"), figure(erased.get("files", 0))),
        (_now("Size of the files"), str(filesizeformat(erased.get("file_bytes", 0)))),
        *([(_now("Copies, too: earlier places and snapshots"), figure(erased["copies"]))] if "copies" in erased else []),
        (_now("Backups forget it on"), date_format(forget, "j E Y")),
        (_now("Sum of the address (SHA-256)"), certificate.address_digest),
        (_now("Sum of this certificate (SHA-256)"), certificate.digest),
    ]


def moment(when: Any) -> str:
    """A moment in UTC: the certificate is read anywhere."""
    return f"{date_format(when, 'j F Y')} {when:%H:%M:%S} UTC"


def text(certificate: Certificate) -> str:
    """The certificate as plain text, to be kept or sent on."""
    head = _now("Certificate of erasure")
    body = "\n".join(f"{label}: {value}" for label, value in lines(certificate))
    return f"{head}\n\n{body}\n{_now('Where it stands')}: {address(certificate.pk)}\n"
