"""Nobody asks for a counter by the beginning of its name."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("metering", "0001_initial")]

    operations = [migrations.RunSQL('DROP INDEX IF EXISTS "counter_metric_4d8ba9d3_like"', migrations.RunSQL.noop)]
