"""How a program comes in, as the specification tells it: the two addresses that need no token, for they give the first one.

They stand below the workspace's host and below the public one; `crm_platform.integrations` answers them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .words import INT, STR, Schema, thing

_UUID: Schema = {"type": "string", "format": "uuid"}
_PROBLEM = thing({"hint": STR, "title": STR, "type": {"type": "string", "format": "uri"}, "status": INT, "detail": STR})
_PAIR = thing({"token_type": {"type": "string", "enum": ["Bearer"]}, "expires_in": {"type": "integer", "minimum": 1}, "server_time": INT, "access_token": STR, "refresh_token": STR})
_CLIENT = {"client_id": _UUID, "client_secret": STR, "redirect_uri": {"type": "string", "format": "uri"}}
_CODE = thing({**_CLIENT, "grant_type": {"type": "string", "enum": ["authorization_code"]}, "code": STR})
_REFRESH = thing({**_CLIENT, "grant_type": {"type": "string", "enum": ["refresh_token"]}, "refresh_token": STR})
_KEY = thing({"login": {**STR, "description": "The person’s e-mail."}, "api_key": {**STR, "description": "A token of the person’s own, from the settings."}, "client_uuid": _UUID, "client_secret": STR})

SHAPES: Mapping[str, Schema] = {"TokenPair": _PAIR, "TokenProblem": _PROBLEM}
_REFUSALS = {
    "400": "Something lacks or is not valid; `hint` says what.", "401": "Somebody or something is not known. It does not say which.", "403": "The integration is paused, or the person may not give this.",
    "404": "There is nothing at this address.", "429": "Too many tries in a minute; see Retry-After.",
}  # fmt: skip


def _operation(name: str, told: str, body: Schema, good: Mapping[str, Any]) -> dict[str, Any]:
    refused = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/TokenProblem"}}}}
    media = ("application/json", "application/x-www-form-urlencoded")
    return {
        "operationId": name, "tags": ["oauth2"], "summary": told.split(". ")[0] + ".", "description": told, "security": [], "parameters": [],
        "requestBody": {"required": True, "content": {one: {"schema": body} for one in media}},
        "responses": {**good, **{status: {"description": sentence, **refused} for status, sentence in _REFUSALS.items()}},
    }  # fmt: skip


PATHS: Mapping[str, Mapping[str, Any]] = {
    "/oauth2/access_token": {"post": _operation(
        "post_oauth2_access_token", "A code, or a refresh token, for a pair of tokens. A refresh token is good once; sent again within 60 seconds it gets the same pair.", {"anyOf": [_CODE, _REFRESH]},
        {"200": {"description": "The pair.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TokenPair"}}}}},
    )},
    "/oauth2/exchange_api_key": {"post": _operation(
        "post_oauth2_exchange_api_key",
        "A person’s key for a code, where there is no browser. The code is sent to the redirect address of the integration: GET with code, referer, client_id and platform; it is good for 20 minutes.", _KEY,
        {"202": {"description": "The code is on its way."}},
    )},
}  # fmt: skip
