"""The service as a program: python -m billing.standin --port N --data FILE --public URL."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from .service import run_forever
from .world import Place


def main() -> int:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="billing.standin", description="The sandbox payment service.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="the file in which its state is kept")
    parser.add_argument("--public", required=True, help="the address of its pages")
    parser.add_argument("--webhook-url", default="", help="where events go")
    wished = parser.parse_args()
    secrets = os.environ.get("STRIPE_WEBHOOK_SECRET", "whsec_standin").split(",")
    place = Place(wished.public, os.environ.get("STRIPE_SECRET_KEY", "sk_test_standin"), wished.webhook_url, secrets[0].strip())
    signal.signal(signal.SIGTERM, lambda *_args: sys.exit(0))
    run_forever(port=wished.port, path=wished.data, place=place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
