"""Cases that only a payment service with hours and banks of its own can show: the real adapter over the sandbox."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.dunning import parting
from billing.models import BillingAccount
from billing.providers.protocol import ProviderUnavailable
from crm_platform.db import sides

from .shops import Shop

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def test_what_is_erased_is_ended_there_and_its_open_bill_is_collected_no_more(shop: Shop) -> None:
    shop.buy()
    shop.look()
    shop.standin("payments", decline="insufficient_funds", count=2)
    shop.rig.advance(33 * DAY)  # the renewal is declined, and will be tried again
    charged = shop.rig.charged(shop.customer)
    with sides.control_unit():
        account = BillingAccount.objects.select_related("workspace__subscription").get(pk=shop.account_id)
    shop.standin("calls", path="/v1/subscriptions/", method="DELETE", timeout=True, when="after", count=2)
    with pytest.raises(ProviderUnavailable):
        parting._end_all(account)
    assert parting._end_all(account) == 0
    assert [one.status for one in shop.provider.fetch(shop.customer).subscriptions] == ["canceled"]
    shop.standin("clear")
    shop.rig.advance(90 * DAY)
    assert shop.rig.charged(shop.customer) == charged
