"""A form at its public address, without a session: by link, in a frame, by the script that makes the frame, and as a QR code."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import qrcode
import qrcode.image.svg
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from crm_platform.accounts.middleware import open_to_all
from crm_platform.kernel import clock, workspace
from crm_platform.kernel.errors import Invalid, TooMany
from crm_platform.kernel.http.throttle import client_address
from crm_platform.ui import responses

from . import asking, bodies, building, door
from .models import Category, LeadForm

_POLICY = "default-src 'none'; style-src 'self'; script-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {sites}"
_MARKS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "gclid", "fbclid", "yclid", "client_id", "page", "referrer")
# Makes the frame where the script stands, and tells it what only the page around it knows.
_SCRIPT = """(() => {
  const script = document.currentScript, address = new URL(script.src.replace(/\\/embed\\.js.*$/, ""));
  for (const [name, value] of new URLSearchParams(location.search))
    if (/^(utm_[a-z]+|gclid|fbclid|yclid)$/.test(name)) address.searchParams.set(name, value.slice(0, 500));
  address.searchParams.set("embed", "1");
  address.searchParams.set("page", location.href.slice(0, 900));
  if (document.referrer) address.searchParams.set("referrer", document.referrer.slice(0, 900));
  const client = /(?:^|; )_ga=([^;]{1,100})/.exec(document.cookie);
  if (client) address.searchParams.set("client_id", client[1]);
  const frame = document.createElement("iframe");
  frame.src = address.href;
  frame.title = script.dataset.title || "Form";
  frame.style.cssText = "width:100%;border:0;min-height:24rem";
  script.after(frame);
  addEventListener("message", (event) => {
    if (event.source === frame.contentWindow && event.data && event.data.height > 0) frame.style.height = event.data.height + "px";
  });
})();
"""


@csrf_exempt
@open_to_all
def form_page(request: HttpRequest, uid: str) -> HttpResponse:
    """The form, and what is sent by it. What cannot be taken is said beside its field, and what was typed stays."""
    form = building.public(uid)
    if request.method != "POST":
        return _drawn(request, form, asking.PublicForm(form.published))
    filled = asking.PublicForm(form.published, request.POST, request.FILES)
    if request.POST.get(asking.HONEY):  # nobody sees that field: a robot is thanked, and nothing is kept
        return _thanked(request, form)
    try:
        asking.slow_down(uid, client_address(request))
        number = asking.number_of(request.POST.get("token", ""), uid)
        if not filled.is_valid():
            return _drawn(request, form, filled, status=422)
        bodies.files_of(request)
    except (Invalid, TooMany) as refused:
        filled.is_valid()
        filled.add_error(None, refused.message)
        return _drawn(request, form, filled, status=refused.status)
    said = {"answers": filled.answers(), "consent": _consent(form)}
    delivery = door.Delivery(said=said, metadata=_marks(request), files=filled.sent_files())
    door.keep(form.source, said, delivery, category=Category.FORMS, form="answers", sender_key=f"form:{number}:{_said_once(said, delivery)}")
    return _thanked(request, form)


def _said_once(said: dict[str, Any], delivery: door.Delivery) -> str:
    """What makes a sending of one drawing once: who goes back, says something else and sends again has sent another lead."""
    words = json.dumps([said["answers"], [(file.name, file.size) for file in delivery.files]])
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def _consent(form: LeadForm) -> dict[str, Any]:
    text = form.published["settings"]["consent"]
    return {"text": text, "version": form.consent_version, "at": clock.now().isoformat()} if text else {}


def _marks(request: HttpRequest) -> dict[str, str]:
    """What the page around it knows, told by the script; without it what the link says and where it was clicked."""
    given = {name: bodies.plain((request.POST.get(name) or request.GET.get(name) or "")[:1000]) for name in _MARKS}
    return {name: value for name, value in ({**given, "address": client_address(request)}).items() if value}


def _drawn(request: HttpRequest, form: LeadForm, filled: asking.PublicForm, *, status: int = 200, trial: bool = False) -> HttpResponse:
    definition = filled.definition
    came = [(name, (request.POST.get(name) or request.GET.get(name) or "")[:1000]) for name in _MARKS]
    if request.method == "GET" and not request.GET.get("referrer"):
        came = [*(pair for pair in came if pair[0] != "referrer"), ("referrer", request.headers.get("Referer", "")[:1000])]
    context = {
        "definition": definition["settings"], "form": filled, "token": asking.token(form.uid), "came": [pair for pair in came if pair[1]], "honey": asking.HONEY, "trial": trial,
        "embedded": request.GET.get("embed") == "1", "files": any(row["type"] == "file" for row in filled.rows),
    }  # fmt: skip
    return _public(request, form, responses.page(request, "incoming/form_page.html", status=status, **context))


def _thanked(request: HttpRequest, form: LeadForm) -> HttpResponse:
    return _public(request, form, responses.page(request, "incoming/form_page.html", definition=form.published["settings"], thanked=True, embedded=request.GET.get("embed") == "1"))


def _public(request: HttpRequest, form: LeadForm, response: HttpResponse) -> HttpResponse:
    """A policy of its own: which sites may hold it in a frame."""
    sites = " ".join(["'self'", *((form.published or form.draft)["settings"]["sites"])])
    response.headers["Content-Security-Policy"] = _POLICY.format(nonce=request.csp_nonce, sites=sites)  # type: ignore[attr-defined]
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
    return response


@open_to_all
@require_safe
def script(request: HttpRequest, uid: str) -> HttpResponse:
    """What a site puts into its page: it makes the frame there."""
    building.public(uid)
    return HttpResponse(_SCRIPT, content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "public, max-age=300", "Cross-Origin-Resource-Policy": "cross-origin"})


@open_to_all
@require_safe
def qr(request: HttpRequest, uid: str) -> HttpResponse:
    """The form's address as a QR code."""
    building.public(uid)
    drawn = io.BytesIO()
    qrcode.make(workspace.url(f"/f/{uid}?utm_source=qr"), image_factory=qrcode.image.svg.SvgPathFillImage, box_size=20, border=2).save(drawn)
    return HttpResponse(drawn.getvalue(), content_type="image/svg+xml", headers={"Cache-Control": "public, max-age=300"})


def preview(request: HttpRequest, form: LeadForm) -> HttpResponse:
    """The draft as it would look; it sends nothing."""
    return _drawn(request, form, asking.PublicForm(form.draft), trial=True)
