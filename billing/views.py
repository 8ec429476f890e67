"""What other pages say of the plan: its name, and how long a trial lasts."""

from __future__ import annotations

from crm_platform.kernel import clock
from tenants.inside import services as inside
from tenants.lifecycle.access import facts_of
from tenants.lifecycle.billing_state import on_free

from . import plans


def plan_name() -> str:
    """The plan's name as people read it."""
    code = plans.TRIAL if trial_days_left() else plan_code()
    return str(plans.NAMES.get(code, code))


def plan_code() -> str:
    """The code of the plan whose limits hold now."""
    state = inside.state()
    return plans.FREE if on_free(facts_of(state), now=clock.now()) else state.plan


def trial_days_left() -> int:
    """Days until the trial ends; 0 where there is none."""
    ends = facts_of(inside.seen_state()).trial_ends_at
    return 0 if ends is None else max(0, -((clock.now() - ends).days))
