"""What goes wrong on purpose: of payments, of calls and of deliveries. Set by the control, used up one by one."""

from __future__ import annotations

import re
import threading
import traceback
from dataclasses import dataclass, field
from typing import TypeVar


@dataclass
class CallFault:
    """The next calls of a path answer with an error: before anything is done, or after it is."""

    path: str
    method: str = ""
    count: int = 1
    status: int = 500
    when: str = "before"
    timeout: bool = False
    seconds: float = 0.0

    def fits(self, method: str, path: str) -> bool:
        """Whether a call is one of those meant."""
        return self.count > 0 and (not self.method or self.method.upper() == method) and re.match(self.path, path) is not None


@dataclass
class DeliveryFault:
    """The next deliveries are dropped, doubled, delayed, turned round, or signed wrongly."""

    kind: str
    count: int = 1
    types: list[str] = field(default_factory=list)
    seconds: float = 0.0
    times: int = 2
    secret: str = ""
    age: int = 0

    def fits(self, event_type: str) -> bool:
        """Whether an event is one of those meant."""
        return self.count > 0 and (not self.types or any(re.fullmatch(one.replace(".", r"\.").replace("*", ".*"), event_type) for one in self.types))


@dataclass
class PaymentFault:
    """The next payments are declined with a code, or ask the cardholder, or stay pending."""

    kind: str
    count: int = 1
    code: str = "generic_decline"
    customer: str = ""


_Fault = TypeVar("_Fault", CallFault, DeliveryFault, PaymentFault)


@dataclass
class Faults:
    """All that waits to go wrong."""

    calls: list[CallFault] = field(default_factory=list)
    deliveries: list[DeliveryFault] = field(default_factory=list)
    payments: list[PaymentFault] = field(default_factory=list)
    frozen: bool = False
    refunds: str = ""
    tax_ids: dict[str, str] = field(default_factory=dict)
    # What went wrong in the stand-in itself, for its state.
    errors: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of_call(self, method: str, path: str) -> CallFault | None:
        """The fault of this call, used up by it."""
        return self._used([one for one in self.calls if one.fits(method, path)])

    def of_delivery(self, event_type: str) -> DeliveryFault | None:
        """The fault of this delivery, used up by it."""
        return self._used([one for one in self.deliveries if one.fits(event_type)])

    def of_payment(self, customer: str) -> PaymentFault | None:
        """The fault of this payment, used up by it."""
        return self._used([one for one in self.payments if one.count > 0 and one.customer in ("", customer)])

    def _used(self, found: list[_Fault]) -> _Fault | None:
        with self._lock:
            if not found or found[0].count <= 0:
                return None
            found[0].count -= 1
            return found[0]

    def note(self, error: Exception) -> None:
        """Keep the trace of an error of our own."""
        self.errors.append("".join(traceback.format_exception(error)))
        del self.errors[:-20]

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self.calls, self.deliveries, self.payments, self.frozen, self.refunds, self.tax_ids = [], [], [], False, "", {}
