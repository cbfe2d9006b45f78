"""Who somebody is, read for each request."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django_otp.plugins.otp_totp.models import TOTPDevice


class Backend(ModelBackend):
    """Django's; with the person it reads what every request asks: is there a second factor?"""

    def get_user(self, user_id: Any) -> User | None:
        """The person, with ``has_authenticator``; None if there is none or they are inactive."""
        authenticators = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
        user = (
            User.objects.annotate(has_authenticator=Exists(authenticators))
            .filter(pk=user_id)
            .first()
        )
        return user if user is not None and self.user_can_authenticate(user) else None
