"""Refusals as the API tells them: problem+json, exactly so, with what is wrong and where."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel.errors import CrmError, Invalid, NotSignedIn
from crm_platform.kernel.http.errors import body_of

TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in one item: a code for programs, the dotted path with indexes, a sentence."""

    code: str
    path: str
    detail: str


class BadRequest(CrmError):
    """What was sent cannot be read at all; `detail` says why, in English: it is for whoever writes the program."""

    code, status = "bad_request", 400
    sentence = "{detail}"


class TooLarge(CrmError):
    """The body is larger than we read at once."""

    code, status = "too_large", 413
    sentence: ClassVar[str] = "The body is larger than 5 MB. Send fewer items at once; files go to the drive, in parts."


class NotFaithful(BadRequest):
    """Asked strictly (X-Strict), and there is something that we do not know."""

    code = "unknown_parameter"


class MethodNotAllowed(CrmError):
    """The resource is there, this verb is not."""

    code, status = "method_not_allowed", 405
    sentence = _("This address does not take {method}.")


class ItemsRefused(CrmError):
    """Some items are wrong, so none was written: `faults` maps the item's request id to what is wrong with it."""

    code, status = "items_refused", 400
    sentence: ClassVar[str] = "Request validation failed"

    def __init__(self, faults: dict[str, Sequence[Fault]]) -> None:
        super().__init__()
        self.faults = faults


def of_fields(refused: Invalid, *, within: str = "") -> list[Fault]:
    """A service's refusal of fields as faults."""
    named = refused.fields or {"": [refused.message]}
    return [Fault("InvalidValue", ".".join(filter(None, (within, name))), str(sentence)) for name, sentences in named.items() for sentence in sentences]


def body(error: CrmError) -> dict[str, Any]:
    """The body of a problem: amoCRM's keys, and beside them ours (`code`, and facts that name the way out)."""
    status = 400 if isinstance(error, Invalid) and error.status == Invalid.status else error.status
    told: dict[str, Any] = {
        "title": HTTPStatus(status).phrase, "type": f"https://httpstatus.es/{status}", "status": status, "detail": error.message, "hint": error.message,
    }  # fmt: skip
    if isinstance(error, ItemsRefused):
        told["validation-errors"] = [
            {"request_id": request_id, "errors": [{"code": one.code, "path": one.path, "detail": one.detail} for one in faults]}
            for request_id, faults in error.faults.items()
        ]
    elif isinstance(error, Invalid) and error.fields:
        told["validation-errors"] = [
            {"request_id": "0", "errors": [{"code": one.code, "path": one.path, "detail": one.detail} for one in of_fields(error)]}
        ]
    return {**{name: value for name, value in body_of(error).items() if name not in ("message", "fields")}, **told}


def draw(request: HttpRequest, error: CrmError) -> HttpResponse:
    """The answer to a refusal under /api/v4/."""
    told = body(error)
    response = HttpResponse(json.dumps(told, ensure_ascii=False), status=told["status"])
    response.headers["Content-Type"] = TYPE
    if told["status"] == NotSignedIn.status:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
