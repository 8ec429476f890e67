"""One copy beside a workspace."""

from __future__ import annotations

from django.db import models

from crm_platform.kernel import clock


class BesideStep(models.TextChoices):
    """`filling` begins anew when taken up; `ready` waits for the operator; `returning` looks at the fence."""

    FILLING = "filling"
    READY = "ready"
    RETURNING = "returning"
    RETURNED = "returned"
    GIVEN_UP = "given up"


class Beside(models.Model):
    """`moment` is the one it shows, `source` where from: a snapshot, or a side instance recovered to a point in time."""

    workspace = models.ForeignKey("tenants.Workspace", models.CASCADE, related_name="copies_beside")
    spare = models.ForeignKey("tenants.Workspace", models.SET_NULL, null=True, related_name="+")
    snapshot = models.ForeignKey("tenants.Snapshot", models.SET_NULL, null=True, related_name="+")
    source = models.CharField(max_length=8)
    moment = models.DateTimeField(null=True)
    step = models.CharField(max_length=10, choices=BesideStep.choices, default=BesideStep.FILLING)
    error = models.TextField(blank=True)
    made_at = models.DateTimeField(default=clock.real_now)
    returned_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "tenants"
        db_table = "beside"
