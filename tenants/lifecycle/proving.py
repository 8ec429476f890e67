"""What a house of the proof of isolation holds of a workspace's life: own addresses. They stand on the control side, and are named by number in addresses of the workspace."""

from __future__ import annotations

import secrets

from crm_platform.db import sides
from crm_platform.kernel import workspace
from tenants.isolation.filling import fills, stands_beside
from tenants.models import Workspace

from .models import OwnHost


@fills
def fill(mark: str) -> None:
    """Two own addresses that nobody asks the name servers about by themselves."""
    public_id = workspace.here().public_id
    with sides.control_unit():
        row = Workspace.objects.get(public_id=public_id)
        for number in (1, 2):
            OwnHost.objects.create(workspace=row, host=f"{mark}-{number}.isolation.example", token=secrets.token_hex(16))


@stands_beside("/settings/address/own/")
def own_hosts(public_id: str) -> dict[int, str]:
    """Those of a workspace, by number."""
    with sides.control_unit():
        return {row["id"]: str(sorted(row.items())) for row in OwnHost.objects.filter(workspace__public_id=public_id).order_by("pk").values()}
