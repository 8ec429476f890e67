from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('metering', '0002_without_idle_index'),
    ]

    operations = [
        migrations.AddField(
            model_name='counter',
            name='noticed',
            field=models.SmallIntegerField(db_default=0, default=0),
        ),
    ]
