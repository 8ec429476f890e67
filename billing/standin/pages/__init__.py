"""The service's own pages: checkout, portal, invoice, the bank's question, and the desk with clock and faults."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl

from billing.standin.control import Control
from billing.standin.door import Call, Reply
from billing.standin.errors import ApiError
from billing.standin.world import World

from . import buying, desk, look, portal

Page = Callable[["Pages", Call, dict[str, str], str], Reply]


class Pages:
    """Answers for people."""

    def __init__(self, world: World, control: Control) -> None:
        self.world, self.control = world, control

    def answer(self, call: Call) -> Reply:
        """The page at an address; a form's answer."""
        form = dict(parse_qsl((call.body if call.method == "POST" else call.query.encode()).decode(errors="replace"), keep_blank_values=True))
        method = "GET" if call.method == "HEAD" else call.method
        for wanted, pattern, page in _TABLE:
            matched = re.fullmatch(pattern, call.path)
            if matched and wanted == method:
                try:
                    return page(self, call, form, matched[1] if matched.groups() else "")
                except ApiError as error:
                    return look.refusal(error)
        return look.refusal(ApiError("There is no such page in the sandbox.", status=404))


_ID = r"([\w]+)"
_TABLE: list[tuple[str, str, Page]] = [
    ("GET", "/", desk.index),
    ("GET", "/style.css", look.style),
    ("GET", "/favicon.ico", look.nothing),
    ("GET", "/control", desk.control),
    ("POST", "/control/(clock|fault|clear|deliver|scenario|freeze|settings)", desk.act),
    ("GET", f"/c/{_ID}", buying.session),
    ("POST", f"/c/{_ID}", buying.pay_session),
    ("GET", f"/i/{_ID}", buying.invoice),
    ("POST", f"/i/{_ID}", buying.pay_invoice),
    ("GET", f"/i/{_ID}/pdf", portal.pdf),
    ("GET", f"/p/{_ID}", portal.portal),
    ("POST", f"/p/{_ID}", portal.act),
    ("GET", f"/3ds/{_ID}", buying.challenge),
    ("POST", f"/3ds/{_ID}", buying.answer_challenge),
]
