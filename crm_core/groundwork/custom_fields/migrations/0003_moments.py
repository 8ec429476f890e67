"""Fields of moments that came by the open API before they were found by: their values come into the index."""

from decimal import Decimal

from django.db import migrations

from crm_platform.kernel import reading

STEP = "backfill"

AT_ONCE = 2000
BEARERS = (("contacts", "Contact"), ("companies", "Company"), ("deals", "Deal"), ("products", "Product"), ("amocrm", "Stored"))


def index(apps, editor):
    fields, rows = (apps.get_model("custom_fields", name).objects.using(editor.connection.alias) for name in ("CustomField", "FieldIndex"))
    for field in fields.filter(kind="other", wire__type="date_time", filterable=False):
        rows.filter(field=field).delete()
        for bearer in BEARERS:
            with_values = apps.get_model(*bearer).objects.using(editor.connection.alias).filter(custom__has_key=str(field.pk))
            found = (row for pk, custom in with_values.values_list("pk", "custom").iterator(AT_ONCE) if (row := _row(rows.model, field, pk, custom[str(field.pk)])))
            rows.bulk_create(found, batch_size=AT_ONCE)
        field.filterable = True
        field.save(update_fields=["filterable"])


def _row(model, field, pk, stored):
    one = stored[0] if isinstance(stored, list) and stored else None
    moment = reading.moment(one.get("value") if isinstance(one, dict) else one)
    return model(field=field, record_id=pk, num=Decimal(int(moment.timestamp()))) if moment else None


class Migration(migrations.Migration):

    dependencies = [
        ('custom_fields', '0002_api'),
        ('contacts', '0002_api'),
        ('companies', '0002_api'),
        ('deals', '0002_api'),
        ('products', '0002_api'),
        ('amocrm', '0001_initial'),
    ]

    operations = [migrations.RunPython(index, migrations.RunPython.noop)]
