"""A second factor from the settings to the log-in: an authenticator's codes, recovery codes, a passkey."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import time
from typing import Any

import pytest

from .conftest import PASSWORD, Run

pytestmark = pytest.mark.browser
KEYS = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}


def _code(secret: str) -> str:
    """RFC 6238, six digits, thirty seconds."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time() // 30)), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def _letter(up: Run, address: str, pattern: str) -> str:
    for _again in range(60):
        for path in (up.data / "mail").glob("*.eml"):
            text = path.read_text().replace("=\n", "").replace("=3D", "=")
            found = re.search(pattern, text)
            if address in text and found:
                return found.group(0)
        time.sleep(0.5)
    raise AssertionError(f"no letter to {address}")


def _enter(page: Any, home: str, email: str) -> None:
    page.goto(f"{home}/account/login/")
    assert page.locator("[name=login]").count(), page.inner_text("body")
    page.fill("[name=login]", email)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")


def test_codes_recovery_codes_and_a_passkey(up: Run, chromium: Any) -> None:
    email = "two@factor.example"
    up.crm("create-workspace", "--name", "Two Factor", "--slug", "two-factor", "--email", email, "--password-stdin", given=f"{PASSWORD}\n")
    home = up.workspace("two-factor")
    context = chromium.new_context()
    page = context.new_page()
    keys = context.new_cdp_session(page)
    keys.send("WebAuthn.enable")
    keys.send("WebAuthn.addVirtualAuthenticator", {"options": KEYS})
    page.goto(_letter(up, email, r"http://two-factor\.\S+/confirm/[\w:.-]+"))
    _enter(page, home, email)
    page.wait_for_url(f"{home}/board")
    page.goto(f"{home}/account/2fa/totp/activate/")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_selector("[name=code]")
    secret = re.search(r"\b([A-Z2-7]{32})\b", page.content()).group(1)  # type: ignore[union-attr]
    page.fill("[name=code]", _code(secret))
    page.locator("main [type=submit]").first.click()
    page.wait_for_url("**/recovery-codes/")
    recovery = re.search(r"\b([0-9a-f]{8})\b", page.locator("main textarea").input_value()).group(1)  # type: ignore[union-attr]
    page.goto(f"{home}/account/2fa/webauthn/add/")
    page.fill("main [name=name]", "My laptop")
    page.locator("main button").last.click()
    page.wait_for_selector("text=You have added 1 security key")
    other = chromium.new_context().new_page()
    _enter(other, home, email)
    other.wait_for_url("**/account/2fa/authenticate/")
    other.goto(f"{home}/contacts")
    assert "/account/" in other.url, "nobody is in before the second factor"
    other.goto(f"{home}/account/2fa/authenticate/")
    other.fill("[name=code]", "000000")
    other.press("[name=code]", "Enter")
    other.wait_for_selector("[name=code][aria-invalid=true]")
    other.fill("[name=code]", recovery)
    other.press("[name=code]", "Enter")
    other.wait_for_url(f"{home}/board")
    other.context.close()
    context.close()
