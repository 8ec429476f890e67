"""The endpoint: one address, a function per verb. It lets programs in, reads the query, tells the verb that is missing.

Every operation is kept in `OPERATIONS`, from which the specification is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from crm_platform.accounts.middleware import by_token, scoped
from crm_platform.kernel.errors import NotSignedIn
from crm_platform.kernel.http.errors import bears_token

from . import brackets, strict
from .asking import MOST, Asked
from .once import once
from .problems import MethodNotAllowed

Verb = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Operation:
    """A verb at an address: what the specification knows of it. `verb`'s docstring tells the rest."""

    method: str
    route: str
    verb: Verb
    most: int
    root: str = "/api/v4/"
    scope: str = "crm"


OPERATIONS: list[Operation] = []
_VARIABLE = re.compile(r"<\w+:(\w+)>")


def at(route: str, given: Mapping[str, Verb] | None = None, *, most: int = MOST, scope: str = "crm", root: str = "/api/v4/", **named: Verb) -> URLPattern:
    """The address `route` (below /api/v4/) with its verbs: `at("leads", GET=index, POST=create)`, or `given` as a dict.

    A verb takes what was asked, and the variables of the address by name. `most` is the largest page, and the most items of a body.
    `root` is where its urls are included. `scope` is what a token must have been given for; "users" is what integrations of others never see.
    """
    verbs = {**(given or {}), **named}
    operations = {method: Operation(method, route, verb, most, root, scope) for method, verb in verbs.items()}
    OPERATIONS.extend(operations.values())

    @by_token
    @scoped(scope, **({"DELETE": "files_delete"} if scope == "files" else {}))
    @csrf_exempt
    def view(request: HttpRequest, **variables: Any) -> HttpResponse:
        return _serve(request, operations, most=most, variables=variables)

    pattern: URLPattern = path(route, view, name="api-" + _VARIABLE.sub(r"\1", route).replace("/", "-"))
    return pattern


def _serve(request: HttpRequest, operations: Mapping[str, Operation], *, most: int, variables: dict[str, Any]) -> HttpResponse:
    if not bears_token(request):  # a browser's session has its own pages; here it would be an open door to forged forms
        raise NotSignedIn
    method = "GET" if request.method == "HEAD" else request.method or ""
    operation = operations.get(method)
    if operation is None:
        raise MethodNotAllowed(method=method[:20])
    asked = Asked(request, request.actor, brackets.read(request.META.get("QUERY_STRING", "")), most)  # type: ignore[attr-defined]
    if method != "GET" and asked.strict:
        strict.check(asked, operation)
    response = once(asked, lambda: operation.verb(asked, **variables))
    if asked.left_aside:
        response.headers["X-Ignored"] = quote(", ".join(asked.left_aside), safe="[]=, ")[:500]
    return response
