"""A pause means the same at every provider."""

from __future__ import annotations

from datetime import timedelta

from crm_platform.kernel import clock

from . import test_contract
from .conftest import target
from .rigs import Firm

firm, total, DAY = test_contract.firm, test_contract.total, test_contract.DAY


def test_in_a_pause_nothing_is_collected_and_it_goes_on_by_itself(firm: Firm) -> None:
    bought = firm.buy(target())
    firm.provider.pause(bought.external_id, until=clock.now() + 45 * DAY, key=firm.key())
    assert firm.sub().paused
    firm.rig.advance(33 * DAY)
    assert firm.rig.charged(firm.customer) == total(target())
    firm.rig.advance(32 * DAY)
    assert not firm.sub().paused
    assert firm.sub().status == "active"
    assert firm.rig.charged(firm.customer) == 2 * total(target())


def test_a_pause_can_be_ended(firm: Firm) -> None:
    bought = firm.buy(target())
    firm.provider.pause(bought.external_id, until=clock.now() + 45 * DAY, key=firm.key())
    firm.provider.come_back(bought.external_id, anew=False, key=firm.key())
    assert not firm.sub().paused
    assert firm.rig.charged(firm.customer) == total(target())


def test_a_cancellation_taken_back_leaves_the_pause_and_the_reverse(firm: Firm) -> None:
    bought = firm.buy(target())
    firm.provider.pause(bought.external_id, until=clock.now() + 45 * DAY, key=firm.key())
    firm.provider.cancel(bought.external_id, at_end=True, key=firm.key())
    firm.provider.resume(bought.external_id, key=firm.key())
    assert (firm.sub().paused, firm.sub().cancel_at) == (True, None)
    firm.provider.cancel(bought.external_id, at_end=True, key=firm.key())
    firm.provider.come_back(bought.external_id, anew=False, key=firm.key())
    assert not firm.sub().paused
    assert firm.sub().cancel_at is not None


def test_coming_back_anew_begins_a_period_that_is_billed_whole(firm: Firm) -> None:
    bought = firm.buy(target())
    firm.rig.advance(18 * DAY)
    firm.provider.pause(bought.external_id, until=clock.now() + 60 * DAY, key=firm.key())
    firm.rig.advance(20 * DAY)
    assert firm.rig.charged(firm.customer) == total(target())
    key = firm.key()
    for _time in range(2):  # twice is once
        firm.provider.come_back(bought.external_id, anew=True, key=key)
    firm.rig.advance(timedelta(hours=2))
    assert firm.rig.charged(firm.customer) == 2 * total(target())
    assert clock.now() - firm.sub().period_start < DAY
    firm.rig.advance(18 * DAY)
    assert firm.rig.charged(firm.customer) == 2 * total(target())
    firm.rig.advance(14 * DAY)
    assert firm.rig.charged(firm.customer) == 3 * total(target())
