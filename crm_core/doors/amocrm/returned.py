"""Uploads of a workspace that came back from an archive: the parts that had come lie where it was before."""

from __future__ import annotations

from tenants import claiming
from tenants.claiming import WorkspaceClaimed

from .drive.sessions import SESSION
from .models import Stored


@claiming.returned(42)
def forget_uploads(claimed: WorkspaceClaimed) -> None:
    """What had not come whole is sent anew: a row that names foreign files would refuse every upload that tidies up behind it."""
    Stored.objects.filter(kind=SESSION).delete()
