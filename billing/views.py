"""What other pages say of the plan: its name, and how long a trial lasts."""

from __future__ import annotations

from crm_platform.kernel import clock
from tenants.inside import services as inside

from . import plans


def plan_name() -> str:
    """The plan's name as people read it."""
    state = inside.state()
    if state.billing_state == "trialing":
        return str(plans.NAMES[plans.TRIAL if trial_days_left() else plans.FREE])
    return str(plans.NAMES.get(state.plan, state.plan))


def trial_days_left() -> int:
    """Days until the trial ends; 0 where there is none."""
    state = inside.seen_state()
    if state.billing_state != "trialing" or state.trial_ends_at is None:
        return 0
    return max(0, -((clock.now() - state.trial_ends_at).days))
