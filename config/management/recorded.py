"""Django's own commands about accounts, in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.signals import post_save, pre_save

from auditlog.context import acting_as, job


@contextmanager
def recorded(name: str, note: Callable[[User], object]) -> Iterator[None]:
    """Within the block, which the command ``name`` runs, an account is saved in one transaction
    with what ``note`` records of it.

    They ask for passwords, and nobody should wait for a transaction that waits for a person.
    """
    saving = ExitStack()

    def begin(**kwargs: Any) -> None:
        saving.enter_context(transaction.atomic())

    def end(instance: User, **kwargs: Any) -> None:
        note(instance)
        saving.close()

    with acting_as(job(name)), saving:  # which undoes what was begun where saving fails
        pre_save.connect(begin, sender=User, weak=False)
        post_save.connect(end, sender=User, weak=False)
        try:
            yield
        finally:
            pre_save.disconnect(begin, sender=User)
            post_save.disconnect(end, sender=User)
