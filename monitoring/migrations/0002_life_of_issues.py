"""Issues that are acknowledged, muted or accepted. What would read whole tables under a lock comes
in the next migration."""

from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('monitoring', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='issue',
            name='issue_status_known',
        ),
        migrations.RemoveConstraint(
            model_name='issue',
            name='issue_resolved_has_time',
        ),
        migrations.RemoveConstraint(
            model_name='issuetransition',
            name='issuetransition_statuses_known',
        ),
        migrations.RemoveConstraint(
            model_name='issuetransition',
            name='issuetransition_has_cause',
        ),
        migrations.AddField(
            model_name='issue',
            name='muted_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='issuetransition',
            name='until',
            field=models.DateTimeField(blank=True, help_text='When a mute is to end.', null=True),
        ),
        migrations.AlterField(
            model_name='issue',
            name='reopened',
            field=models.PositiveIntegerField(default=0, help_text='How often a run opened it again: after it was resolved or set aside.'),
        ),
        migrations.AlterField(
            model_name='issue',
            name='status',
            field=models.CharField(choices=[('open', 'open'), ('acknowledged', 'acknowledged'), ('muted', 'muted'), ('accepted', 'accepted'), ('resolved', 'resolved')], default='open', max_length=12),
        ),
        migrations.AlterField(
            model_name='issuetransition',
            name='from_status',
            field=models.CharField(blank=True, choices=[('open', 'open'), ('acknowledged', 'acknowledged'), ('muted', 'muted'), ('accepted', 'accepted'), ('resolved', 'resolved')], help_text='Empty: it is new.', max_length=12),
        ),
        migrations.AlterField(
            model_name='issuetransition',
            name='to_status',
            field=models.CharField(choices=[('open', 'open'), ('acknowledged', 'acknowledged'), ('muted', 'muted'), ('accepted', 'accepted'), ('resolved', 'resolved')], max_length=12),
        ),
        AddConstraintNotValid(
            model_name='issue',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['open', 'acknowledged', 'muted', 'accepted', 'resolved'])), name='issue_status_known'),
        ),
        AddConstraintNotValid(
            model_name='issue',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('resolved_at__isnull', False), ('status', 'resolved')), models.Q(models.Q(('status', 'resolved'), _negated=True), ('resolved_at__isnull', True)), _connector='OR'), name='issue_resolved_has_time'),
        ),
        AddConstraintNotValid(
            model_name='issue',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('muted_until__isnull', False), ('status', 'muted')), models.Q(models.Q(('status', 'muted'), _negated=True), ('muted_until__isnull', True)), _connector='OR'), name='issue_muted_has_end'),
        ),
        AddConstraintNotValid(
            model_name='issuetransition',
            constraint=models.CheckConstraint(condition=models.Q(('from_status__in', ['', 'open', 'acknowledged', 'muted', 'accepted', 'resolved']), ('to_status__in', ['open', 'acknowledged', 'muted', 'accepted', 'resolved'])), name='issuetransition_statuses_known'),
        ),
        AddConstraintNotValid(
            model_name='issuetransition',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('reason', ''), _negated=True), models.Q(('run__isnull', False), ('to_status__in', ['open', 'resolved'])), models.Q(('actor__isnull', False), ('to_status', 'acknowledged')), _connector='OR'), name='issuetransition_has_cause'),
        ),
        AddConstraintNotValid(
            model_name='issuetransition',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('to_status', 'muted'), ('until__isnull', False)), models.Q(models.Q(('to_status', 'muted'), _negated=True), ('until__isnull', True)), _connector='OR'), name='issuetransition_mute_has_end'),
        ),
    ]
