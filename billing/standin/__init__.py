"""The sandbox payment service: a stand-in with the same wire as the real one, for the embedded run and for tests.

It is a program of its own, which the application never imports. For tests of other folders it starts in the process:

    from billing.standin import serve

    with serve(webhook_url="http://127.0.0.1:9000/webhooks/in/stripe", now=1_790_000_000) as standin:
        client = stripe.StripeClient(standin.secret_key, base_addresses={"api": standin.url})
        ...                                 # every call of the subset
        standin.advance(31 * 86_400)        # renewals, retries, ends of trials, each at its own moment
        standin.deliver()                   # post what waits, in this thread; signed with standin.webhook_secret
        standin.world.store.all("event")    # whatever there is, as kept

State is in memory unless `path` names a file; `background=True` lets time pass and events go out by themselves. Everything under
/_ctl/ is in `control`: the clock, declines, lost, late, doubled and wrongly signed events, calls that fail before or after they are done.
"""

from __future__ import annotations

from .service import Running, serve

__all__ = ["Running", "serve"]
