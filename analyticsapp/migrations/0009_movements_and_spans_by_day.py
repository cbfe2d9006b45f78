from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Neither readers nor writers wait for them.
    atomic = False

    dependencies = [
        ("analyticsapp", "0008_subscription_days"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='mrrmovement',
            index=models.Index(fields=['day'], name='mrrmovement_any_currency'),
        ),
        AddIndexConcurrently(
            model_name='subscriptionspan',
            index=models.Index(fields=['starts_at'], name='subscriptionspan_started'),
        ),
        AddIndexConcurrently(
            model_name='subscriptionspan',
            index=models.Index(fields=['ends_at'], name='subscriptionspan_ended'),
        ),
    ]
