"""What the programs with amocrm-api-wrapper ask of every answer."""

from typing import Any

from amocrm_api.errors import AmoException


def only(told: dict[str, Any], key: str) -> dict[str, Any]:
    """The single item of an answer."""
    (item,) = told["_embedded"][key]
    return dict(item)


def refused(call: Any, *given: Any) -> str:
    """What a call is refused with."""
    try:
        call(*given)
    except AmoException as error:
        return str(error)
    raise AssertionError(f"{call.__name__} went through")
