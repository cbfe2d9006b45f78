"""Check and index what 0002 added, beside whoever runs checks meanwhile."""

from django.contrib.postgres.operations import (
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("monitoring", "0002_life_of_issues")]

    operations = [
        ValidateConstraint(model_name="issue", name="issue_status_known"),
        ValidateConstraint(model_name="issue", name="issue_resolved_has_time"),
        ValidateConstraint(model_name="issue", name="issue_muted_has_end"),
        ValidateConstraint(model_name="issuetransition", name="issuetransition_statuses_known"),
        ValidateConstraint(model_name="issuetransition", name="issuetransition_has_cause"),
        ValidateConstraint(model_name="issuetransition", name="issuetransition_mute_has_end"),
        AddIndexConcurrently(
            model_name="issue",
            index=models.Index(
                fields=["check_name"],
                name="issue_unresolved",
                condition=models.Q(("status", "resolved"), _negated=True),
            ),
        ),
        RemoveIndexConcurrently(model_name="issue", name="issue_open"),
    ]
