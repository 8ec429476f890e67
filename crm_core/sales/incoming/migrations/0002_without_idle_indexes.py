"""Nobody asks for a source, a form or a lead by the beginning of its key."""

from django.db import migrations

IDLE = ("lead_source_key_digest_b5881fc6_like", "lead_form_uid_e5a35f49_like", "incoming_lead_uid_9b2cb46f_like")


class Migration(migrations.Migration):

    dependencies = [("incoming", "0001_initial")]

    operations = [migrations.RunSQL(f'DROP INDEX IF EXISTS "{name}"', migrations.RunSQL.noop) for name in IDLE]
