"""The results of proofs of isolation."""

from django.db import migrations, models

import crm_platform.kernel.clock


class Migration(migrations.Migration):
    dependencies = [("tenants", "0005_domain_retired")]

    operations = [
        migrations.CreateModel(
            name="IsolationProof",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("proved_at", models.DateTimeField(default=crm_platform.kernel.clock.real_now)),
                ("commit", models.CharField(blank=True, max_length=64)),
                ("attempts", models.PositiveIntegerField()),
                ("kinds", models.JSONField(default=dict)),
                ("failures", models.JSONField(default=list)),
                ("routes", models.PositiveIntegerField()),
                ("seconds", models.FloatField()),
            ],
            options={"db_table": "isolation_proof", "ordering": ["-id"]},
        ),
    ]
