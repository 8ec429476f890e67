"""What people do about their plan: choose, buy, change, cancel, pause, promise, pay. Every verb asks for the right, opens units of its own and writes the journal of money.

| Verb | Module |
|---|---|
| `target_from`, `check` | `targets` |
| `price`, `preview` | `pricing_of` |
| `begin_checkout`, `finish_checkout`, `give_up_checkout` | `checkout` |
| `change`, `take_back` | `changing` |
| `cancel`, `resume`, `promise`, `pay_open_bill` | `life` |
| `pause`, `unpause`, `come_back_due` | `pausing` |
| `redeem` | `redeeming` |
| `set_spending_ceiling`, `set_contacts`, `add_payer`, `change_payer`, `make_main`, `archive_payer` | `paying` |
| `refer`, `give_owed` | `referring` |
| `overview`, `forecast`, `compare` | `overview` |
| seats: `preview`, `add`, `remove`, `pay_pending`, `give_up_pending`, `set_occasional_ceiling` | `billing.seats.buying` |
| days of occasional seats on the bill, by the clock alone: `charge_last_month`, `take_up_leaving`, `settle_stretches` | `billing.seats.days` |
| who stays, kinds of seats (in the workspace's unit): `choose_who_stays`, `set_kind` | `billing.seats.choosing` |
"""
