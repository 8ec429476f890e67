"""Queries in PHP's brackets: `filter[id][0]=1&filter[id][]=2&order[created_at]=asc`, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from .problems import BadRequest

# Bounds: what no client sends, and what would cost us.
MOST_PAIRS, DEEPEST = 20_000, 8
_PARTS = re.compile(r"\[([^\[\]]*)\]")
Tree = dict[str, Any]


def read(query: str) -> Tree:
    """A query string as a tree of dicts with text leaves; `a[]=x` counts on from the largest number.

    The last of two values wins where both say the same name. Raises BadRequest for more than 20,000 pairs.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_PAIRS, errors="replace")
    except ValueError:
        raise BadRequest(detail=f"At most {MOST_PAIRS} parameters.") from None
    tree: Tree = {}
    for name, value in pairs:
        _put(tree, _path(name), value.replace("\x00", ""))
    return tree


def _path(name: str) -> list[str]:
    head, bracket, rest = name.partition("[")
    return [head, *_PARTS.findall(bracket + rest)][:DEEPEST] if bracket else [name]


def _put(tree: Tree, path: list[str], value: str) -> None:
    key = path[0]
    for part in path[1:]:
        beneath = tree.get(key)
        if not isinstance(beneath, dict):  # `a=1&a[b]=2`: the later one, which says more
            beneath = tree[key] = {}
        tree, key = beneath, part or str(len(beneath))
    tree[key] = value


def values(given: Any) -> list[str]:
    """The values of a list in any of its spellings: `[0]=1&[1]=2`, `[]=1`, `=1,2`, `=1`; a comma parts values only where there are no brackets."""
    if isinstance(given, str):
        return [one.strip() for one in given.split(",") if one.strip()]
    if isinstance(given, dict):
        return [one for value in given.values() for one in ([value] if isinstance(value, str) else values(value)) if one != ""]
    return []


def uncut(given: Any) -> list[str]:
    """As `values`, of names: a bare one is one, whatever commas stand in it."""
    return values(given if isinstance(given, dict) else {"0": given})


def is_range(given: Any) -> bool:
    """Whether it says from or to."""
    return isinstance(given, dict) and bool(given.keys() & {"from", "to"})


def write(tree: Mapping[str, Any]) -> str:
    """A tree as a query string, its brackets encoded."""
    return urlencode(list(_pairs(tree)), quote_via=quote)


def _pairs(tree: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        name = f"{before}[{key}]" if before else key
        if isinstance(value, Mapping):
            yield from _pairs(value, name)
        else:
            yield name, str(value)
