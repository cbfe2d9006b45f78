"""Signing in, and one's own password."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.contrib.messages.views import SuccessMessageMixin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy

from auditlog.identity import is_own_password
from auditlog.services import record


class SignIn(LoginView):
    """The one page to sign in on; the admin sends people here too."""

    template_name = "accounts/login.html"


def locked(request: HttpRequest, response: HttpResponse, credentials: Any) -> HttpResponse:
    """What whoever guessed too often reads instead of an answer."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    return render(request, "accounts/locked.html", {"minutes": minutes}, status=429)


class OwnPasswordForm(PasswordChangeForm):
    """Django's own, but whoever guesses at the old password is locked out as at the door."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        self.request = request
        super().__init__(*args, **kwargs)

    def clean_old_password(self) -> str:
        old: str = self.cleaned_data["old_password"]
        if not is_own_password(self.request, old):
            raise ValidationError(
                self.error_messages["password_incorrect"], code="password_incorrect"
            )
        return old


class ChangePassword(SuccessMessageMixin["SetPasswordForm[User]"], PasswordChangeView):
    """One's own password, with the change in the audit log."""

    template_name = "accounts/password_change.html"
    form_class = OwnPasswordForm
    success_url = reverse_lazy("home")
    success_message = "Your password is changed."

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}

    def form_valid(self, form: SetPasswordForm[User]) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
            record("user.password", target=form.user)
        return response
