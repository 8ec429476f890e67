from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_domain_appearance")]

    operations = [
        migrations.AddField("templatescript", "migrations", models.JSONField(default=list)),
    ]
