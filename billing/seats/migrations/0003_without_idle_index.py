"""Nobody asks for seats that wait by the beginning of their operation."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("seats", "0002_requests")]

    operations = [migrations.RunSQL('DROP INDEX IF EXISTS "seat_pending_operation_6cc49d70_like"', migrations.RunSQL.noop)]
