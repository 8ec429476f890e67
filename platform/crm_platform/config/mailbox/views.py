"""The pages: a list, a letter, the list for programs, and emptying."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from crm_platform.kernel.reading import whole

from . import letters

PAGE = 50


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The newest letters first."""
    number = max(1, whole(request.GET.get("page")) or 1)
    found, total = letters.all_letters(to=request.GET.get("to", ""), offset=(number - 1) * PAGE, count=PAGE)
    context = {"letters": found, "total": total, "page": number, "pages": max(1, -(-total // PAGE)), "to": request.GET.get("to", "")}
    return render(request, "mailbox/index.html", context)


@require_safe
def letter(request: HttpRequest, name: str) -> HttpResponse:
    """One letter, its links ready to click."""
    try:
        found = letters.read(name)
    except FileNotFoundError:
        raise Http404 from None
    return render(request, "mailbox/letter.html", {"letter": found})


@require_safe
def as_json(request: HttpRequest) -> JsonResponse:
    """The same for programs and tests."""
    found, _total = letters.all_letters(to=request.GET.get("to", ""))
    rows = [{"name": one.name, "from": one.sender, "to": one.to, "subject": one.subject, "at": one.at.isoformat(), "text": one.text} for one in found]
    return JsonResponse({"messages": rows})


@require_POST
def empty(request: HttpRequest) -> HttpResponse:
    """Throw all letters away."""
    letters.delete_all()
    return HttpResponseRedirect(reverse("mailbox"))
