"""Form-encoded bodies with nested names: items[0][price]=… becomes {"items": [{"price": …}]}."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from .errors import invalid

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")
_DEEPEST = 12


def decoded(text: str) -> dict[str, Any]:
    """A body or a query as nested dictionaries and lists of strings. Raises ApiError for names that contradict each other."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=5000):
        keys = _keys(name)
        place = found
        for key in keys[:-1]:
            place = place.setdefault(_key(key, place), {})
            if not isinstance(place, dict):
                raise invalid(f"Invalid hash: {name}", param=name)
        place[_key(keys[-1], place)] = value
    return {name: value if name == "metadata" else _listed(value) for name, value in found.items()}


def _keys(name: str) -> list[str]:
    matched = _NAME.match(name)
    keys = [matched[1], *re.findall(r"\[([^\[\]]*)\]", matched[2])] if matched else []
    if not keys or len(keys) > _DEEPEST:
        raise invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
    return keys


def _key(key: str, place: dict[str, Any]) -> str:
    """An empty key, as in types[]=…, is the next number."""
    return key or str(len(place))


def _listed(value: Any) -> Any:
    """Dictionaries whose keys are 0, 1, 2 … are lists; what people named themselves (metadata) is left alone."""
    if not isinstance(value, dict):
        return value
    if value and all(re.fullmatch(r"[0-9]{1,4}", key) for key in value):
        return [_listed(value[key]) for key in sorted(value, key=int)]
    return {key: inside if key == "metadata" else _listed(inside) for key, inside in value.items()}
