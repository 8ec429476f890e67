"""Nobody asks for a message by the beginning of its operation."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("events", "0001_initial")]

    operations = [migrations.RunSQL('DROP INDEX IF EXISTS "inbox_message_operation_bdbc2401_like"', migrations.RunSQL.noop)]
