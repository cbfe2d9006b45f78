"""Carrier and tracking number of an order, and its notes. What would read the whole table under a
lock comes in the next migration."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0002_named_orders'),
        ('payments', '0002_counted_refund'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='OrderNote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('text', models.TextField()),
                ('request', models.UUIDField()),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddField(
            model_name='order',
            name='carrier',
            field=models.TextField(blank=True, db_default='', default='', help_text='Who carries it.'),
        ),
        migrations.AddField(
            model_name='order',
            name='tracking_number',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        AddConstraintNotValid(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('status', 'fulfilled'), models.Q(('carrier', ''), ('tracking_number', '')), _connector='OR'), name='order_tracked_once_fulfilled'),
        ),
        migrations.AddField(
            model_name='ordernote',
            name='actor',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='ordernote',
            name='order',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='notes', to='orders.order'),
        ),
        migrations.AddConstraint(
            model_name='ordernote',
            constraint=models.UniqueConstraint(fields=('order', 'request'), name='ordernote_once'),
        ),
        migrations.AddConstraint(
            model_name='ordernote',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='ordernote_says_something'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ordernote',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='5669ecdee977784cec37f199770f96d15e410b9f', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_98675', table='orders_ordernote', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ordernote',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'the notes of orders can''t be emptied';", hash='d191ea82d5e547cb14516cbc51039c74495ea213', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_106af', table='orders_ordernote', when='BEFORE')),
        ),
    ]
