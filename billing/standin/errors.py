"""What the service refuses, in the shape its callers expect."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A refusal with a status and a type. `keep` says that what was done before it stays done, as a declined attempt does."""

    def __init__(self, message: str, *, status: int = 400, kind: str = "invalid_request_error", code: str = "", param: str = "", keep: bool = False, **more: Any) -> None:
        super().__init__(message)
        self.message, self.status, self.kind, self.code, self.param, self.keep = message, status, kind, code, param, keep
        self.more = more

    def body(self) -> dict[str, Any]:
        """The answer's body."""
        found: dict[str, Any] = {"message": self.message, "type": self.kind}
        found |= {name: value for name, value in (("code", self.code), ("param", self.param)) if value}
        return {"error": found | {name: value for name, value in self.more.items() if value is not None}}


def missing(noun: str, row_id: str, *, param: str = "id") -> ApiError:
    """No such object."""
    return ApiError(f"No such {noun.replace('_', ' ')}: '{row_id}'", status=404, code="resource_missing", param=param)


def invalid(message: str, *, param: str = "", code: str = "") -> ApiError:
    """A request that makes no sense as it is."""
    return ApiError(message, param=param, code=code)
