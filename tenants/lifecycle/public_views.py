"""The certificate of an erasure, for whoever has its number: the workspace it speaks of is gone, and nobody can log in there."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse

from crm_platform.ui import responses

from . import certificates


def page(request: HttpRequest, pk: str) -> HttpResponse:
    """For reading and printing."""
    certificate = certificates.get(pk)
    return responses.page(request, "lifecycle/certificate.html", certificate=certificate, lines=certificates.lines(certificate))


def as_json(request: HttpRequest, pk: str) -> HttpResponse:
    """For programs."""
    return JsonResponse(certificates.facts(certificates.get(pk)))


def as_text(request: HttpRequest, pk: str) -> HttpResponse:
    """To be kept or sent on."""
    return HttpResponse(certificates.text(certificates.get(pk)), content_type="text/plain; charset=utf-8")
