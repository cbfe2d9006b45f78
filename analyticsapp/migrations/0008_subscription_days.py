from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('analyticsapp', '0007_customers_of_months_and_quarters'),
    ]

    operations = [
        migrations.CreateModel(
            name='SubscriptionDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('currency', models.CharField(max_length=3)),
                ('mrr_minor', models.BigIntegerField(help_text='All movements up to the day.')),
                ('subscribers', models.IntegerField(help_text='Customers whose MRR is more than 0.')),
                ('active', models.IntegerField(help_text='Subscriptions, at the end of the day.')),
                ('trialing', models.IntegerField()),
                ('past_due', models.IntegerField()),
                ('unpaid', models.IntegerField()),
                ('paused', models.IntegerField()),
                ('canceled', models.IntegerField(help_text='Subscriptions that ended on the day.')),
                ('new_minor', models.BigIntegerField()),
                ('new_customers', models.IntegerField()),
                ('expansion_minor', models.BigIntegerField()),
                ('expansion_customers', models.IntegerField()),
                ('contraction_minor', models.BigIntegerField(help_text='What was lost, above 0; as of churn.')),
                ('contraction_customers', models.IntegerField()),
                ('churn_minor', models.BigIntegerField()),
                ('churn_customers', models.IntegerField()),
                ('reactivation_minor', models.BigIntegerField()),
                ('reactivation_customers', models.IntegerField()),
                ('built_at', models.DateTimeField()),
            ],
        ),
        migrations.AddConstraint(
            model_name='subscriptionday',
            constraint=models.CheckConstraint(condition=models.Q(('currency__regex', '^[a-z]{3}$')), name='subscriptionday_currency'),
        ),
        migrations.AddConstraint(
            model_name='subscriptionday',
            constraint=models.UniqueConstraint(fields=('day', 'currency'), name='subscriptionday_once'),
        ),
    ]
