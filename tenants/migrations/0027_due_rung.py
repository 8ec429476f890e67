from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0026_moved_clock'),
    ]

    operations = [
        migrations.AddField(
            model_name='due',
            name='rung',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
