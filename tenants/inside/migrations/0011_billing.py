from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('inside', '0010_preferences_weekly_archive'),
    ]

    operations = [
        migrations.AddField(
            model_name='workspacestate',
            name='billing',
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name='workspacestate',
            name='billing_version',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='workspacestate',
            name='seats',
            field=models.JSONField(db_default={}, default=dict),
        ),
    ]
