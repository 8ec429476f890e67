"""POST /api/leads/in/KEY: the way in for programs, telephony, signed messages and forms, at every host.

The key names its workspace and opens nothing else. One row and a job are written, then the door answers; what was sent is
read afterwards. What goes wrong is answered here and not further out, since a form on a foreign site may only read answers
that say so (CORS).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.files.base import File
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import get_language_from_request
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.attachments import services as attachments
from crm_platform.accounts.middleware import use_language
from crm_platform.db import sides
from crm_platform.kernel import effort, workspace
from crm_platform.kernel.effort import Effort
from crm_platform.kernel.errors import CrmError, NotFound
from crm_platform.kernel.http.errors import Unreadable, body_of
from crm_platform.kernel.http.throttle import client_address
from crm_platform.kernel.workspace import Place
from tenants import following, routing

from . import bodies, calls, lines, sources
from .models import Category, IncomingLead, LeadSource, SourceKind
from .taking import take

# For so long a process believes what it read of a source: seconds. A key that has ended may open for that much longer.
BELIEVED = 3.0
# Seconds in which the same body without a number of its own is the same lead.
SAME_WITHIN = 600
_known: dict[tuple[str, str], tuple[float, LeadSource]] = {}
_OPEN = {SourceKind.API: Category.API, SourceKind.WEBHOOK: Category.WEBHOOK, SourceKind.CALLS: Category.SIP}
_SIGNED = frozenset({SourceKind.WEBHOOK, SourceKind.CALLS})


class WrongKey(NotFound):
    """No source has this key, or it was put aside."""

    code = "unknown_key"
    sentence = _("No source has this key. It may have been changed; the settings of the workspace show the present one.")


class WrongSignature(CrmError):
    """Not signed with the source's secret."""

    code, status = "wrong_signature", 401
    sentence = _("The signature does not fit: sign the body with HMAC-SHA256 and the secret of the source, and send it as X-Signature.")


class WrongMethod(CrmError):
    """Something other than POST."""

    code, status = "post_only", 405
    sentence = _("Send leads by POST.")


@dataclass(slots=True)
class Delivery:
    """What came, whoever brought it: for the door, for proofs and for trials."""

    said: Any
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    files: list[File[Any]] = field(default_factory=list)
    probe: bool = False


def receive(request: HttpRequest, key: str) -> HttpResponse:
    """Take one in. 201 for a new lead, 200 for one that had come already, 202 for one that is sealed until the workspace is open; each with its address."""
    if request.method == "OPTIONS":
        return _with_cors(HttpResponse(status=204))
    try:
        if request.method != "POST":
            raise WrongMethod
        said = _said(request)
        delivery = Delivery(said=said, body=request.body if request.content_type != "multipart/form-data" else b"", headers=request.headers, metadata=_marks(request), files=list(bodies.files_of(request)))
        answer = _answer(*taken_in(key, delivery))
    except CrmError as error:
        use_language(request, get_language_from_request(request))
        answer = JsonResponse(body_of(error), status=error.status)
    return _with_cors(answer)


def _said(request: HttpRequest) -> Any:
    try:
        return bodies.read(request)
    except (SuspiciousOperation, BadRequest, MultiPartParserError) as error:  # thousands of fields, a form cut off
        raise Unreadable from error


def _answer(place: Place, lead: IncomingLead) -> JsonResponse:
    facts = {"uid": lead.uid, "url": workspace.url(f"/unsorted/{lead.uid}", place=place), "held": lead.held, "repeated": lead.repeated}
    return JsonResponse(facts, status=202 if lead.held else 200 if lead.repeated else 201)


def _with_cors(response: HttpResponse) -> HttpResponse:
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = "Content-Type, Idempotency-Key, X-Signature"
    response.headers["Access-Control-Max-Age"] = "86400"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _marks(request: HttpRequest) -> dict[str, Any]:
    """What the request itself tells of where it comes from."""
    given = {"address": client_address(request), "page": request.headers.get("Referer", "")[:1000]}
    given.update({name: str(value)[:1000] for name, value in request.GET.items() if name.startswith("utm_")})
    return {name: bodies.plain(value) for name, value in given.items() if value}


def taken_in(key: str, delivery: Delivery) -> tuple[Place, IncomingLead]:
    """Find the workspace of a key and take a delivery in, in a unit of its own; once more where it has moved meanwhile."""
    public_id = key.partition(".")[0]
    if not public_id or not key.isascii() or len(key) > 100:
        raise WrongKey
    until = time.monotonic() + following.PATIENCE
    while True:
        try:
            place = routing.believe(public_id)
            with effort.use(Effort.REQUEST), sides.unit(place):
                return place, _take(source_of(place, key), delivery)
        except NotFound as error:
            raise WrongKey from error
        except DatabaseError as error:
            # It moved, or is being carried: what is sealed by nobody yet is tried at its new place.
            if time.monotonic() > until or not following.turned_away(error):
                raise
        routing.disbelieve(public_id)
        time.sleep(following.LOOKS_EVERY)


def source_of(place: Place, key: str) -> LeadSource:
    """The source of a key. Inside a unit; raises WrongKey."""
    digest, now = sources.digest(key), time.monotonic()
    kept = _known.get((place.prefix, digest))
    if kept is None or now - kept[0] > BELIEVED:
        found = LeadSource.objects.filter(key_digest=digest, archived_at=None).first()
        if found is None:
            raise WrongKey
        if len(_known) > 20_000:
            _known.clear()
        kept = _known[place.prefix, digest] = now, found
    return kept[1]


def _take(source: LeadSource, delivery: Delivery) -> IncomingLead:
    kind = SourceKind(source.kind)
    if kind not in _OPEN:
        raise WrongKey
    if kind in _SIGNED:
        check_signature(sources.secret_of(source), delivery)
    if kind == SourceKind.CALLS:
        return _call(source, delivery)
    return keep(source, delivery.said, delivery, category=_OPEN[kind], form="json", sender_key=sender_key(delivery))


def _call(source: LeadSource, delivery: Delivery) -> IncomingLead:
    """A call is one lead, however many events tell of it: the later ones say how it went on."""
    said = calls.told(delivery.said)
    number = calls.number_of(said) or sender_key(delivery)
    lead = keep(source, said, delivery, category=Category.SIP, form="call", sender_key=number)
    over = calls.note_later(lead.pk, said) if lead.repeated and lead.pk is not None else False
    if not lead.held and not delivery.probe:  # what is sealed is shown to nobody
        lines.told(source, said, number=number, over=over)
    return lead


def keep(source: LeadSource, said: Any, delivery: Delivery, *, category: str, form: str, sender_key: str) -> IncomingLead:
    """Store the files and take the lead in; where that fails, or it had come already, no file is left."""
    stored = [attachments.stored(file) for file in delivery.files]
    try:
        lead = take(source, said, category=category, form=form, sender_key=sender_key, metadata=delivery.metadata, files=stored, probe=delivery.probe)
    except BaseException:
        _drop(stored)
        raise
    if lead.repeated:
        _drop(stored)
    return lead


def _drop(stored: list[dict[str, Any]]) -> None:
    for one in stored:
        attachments.dropped(one)


def sender_key(delivery: Delivery) -> str:
    """What makes a delivery once: its sender's number for it, else its body within some minutes."""
    own = delivery.headers.get("Idempotency-Key") or delivery.headers.get("Webhook-Id") or _own_number(delivery.said)
    if own:
        return own if len(own) <= 100 and own.isascii() else f"id:{hashlib.sha256(own.encode(errors='replace')).hexdigest()}"
    words = delivery.body or repr(delivery.said).encode(errors="replace")
    return f"same:{hashlib.sha256(words).hexdigest()[:48]}:{int(time.time()) // SAME_WITHIN}"


def _own_number(said: Any) -> str:
    found = said.get("idempotency_key") or said.get("event_id") or said.get("call_id") if isinstance(said, Mapping) else None
    return str(found) if isinstance(found, (str, int)) else ""


def check_signature(secret: str, delivery: Delivery) -> None:
    """Raise WrongSignature unless the body is signed with the secret."""
    given = delivery.headers.get("X-Signature") or delivery.headers.get("X-Hub-Signature-256") or ""
    expected = hmac.new(secret.encode(), delivery.body, hashlib.sha256).hexdigest()
    if not secret or not hmac.compare_digest(given.strip().lower().removeprefix("sha256=").encode(errors="replace"), expected.encode()):
        raise WrongSignature


def forget() -> None:
    """Read the sources anew: for tests."""
    _known.clear()
