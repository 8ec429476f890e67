from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('manual_invoice', '0002_lines'),
    ]

    operations = [
        migrations.AddField(
            model_name='transfersubscription',
            name='waits',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='transfersubscription',
            name='trial',
            field=models.JSONField(db_default={}, default=dict),
        ),
    ]
