"""Django gives each unique text a second index for LIKE; nothing here asks so. That of an address's person is the beginning of another."""

from django.db import migrations

IDLE = (
    "people_group_name_cef77bb2_like", "role_code_cae0d237_like", "api_token_digest_0ef4c99d_like",
    "account_emailaddress_email_03be32b2_like", "account_emailaddress_user_id_2c513194", "account_emailconfirmation_key_f43612bd_like",
    "django_session_session_key_c0390e0f_like", "usersessions_usersession_session_key_fd35de43_like",
)  # fmt: skip


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0001_initial"),
        ("account", "0001_initial"),
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]

    operations = [migrations.RunSQL(f'DROP INDEX IF EXISTS "{name}"', migrations.RunSQL.noop) for name in IDLE]
