"""The specification as JSON, for everyone; and the page of it, for people."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from crm_platform.accounts.middleware import open_to_all

from . import drawing, history, recipes, strictly  # noqa: F401 (strictly answers for X-Strict)
from .examples import BODIES


@open_to_all
@require_safe
@gzip_page
def openapi(request: HttpRequest) -> HttpResponse:
    """OpenAPI 3.1 as JSON; other sites may read it. Packed it is a twentieth, and nothing in it is a secret that its length could tell."""
    response = JsonResponse(drawing.document(f"{request.scheme}://{request.get_host()}"), json_dumps_params={"ensure_ascii": False, "separators": (",", ":")})
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


@open_to_all
@require_safe
@gzip_page
def page(request: HttpRequest) -> HttpResponse:
    """What the API does, with a form to try each operation, the recipes, and what has changed."""
    groups: list[tuple[str, list[dict[str, Any]]]] = [
        (
            name,
            [
                {"method": one.method, "path": path, "told": drawing.told_of(one).replace("`", ""), "summary": drawing.summary_of(one).replace("`", ""), "body": _body(one.method, one.route), "writes": one.method != "GET", "questions": drawing.questions_of(one)}
                for path, one in operations
            ],
        )
        for name, operations in drawing.groups()
    ]
    base = f"{request.scheme}://{request.get_host()}"
    told = {"groups": groups, "base": base, "count": sum(len(rows) for _name, rows in groups), "history": history.ENTRIES, "example": recipes.python()}
    return render(request, "amocrm/docs.html", told)


@open_to_all
@require_safe
def from_amocrm(request: HttpRequest) -> HttpResponse:
    """What is the same, what is better, what is only kept."""
    return render(request, "amocrm/from_amocrm.html", {"base": f"{request.scheme}://{request.get_host()}", "host": request.get_host()})


@open_to_all
@require_safe
def example(request: HttpRequest) -> HttpResponse:
    """The program in Python, as a file."""
    return HttpResponse(recipes.python(), content_type="text/x-python; charset=utf-8", headers={"Content-Disposition": 'attachment; filename="example.py"'})


@open_to_all
@require_safe
def workflow(request: HttpRequest) -> HttpResponse:
    """The workflow of n8n, as a file."""
    text = recipes.n8n(f"{request.scheme}://{request.get_host()}")
    return HttpResponse(text, content_type="application/json", headers={"Content-Disposition": 'attachment; filename="kartoteka-n8n.json"'})


def _body(method: str, route: str) -> str:
    body = BODIES.get((method, route))
    return "" if body is None else json.dumps(body, ensure_ascii=False, indent=2)
