"""Who may do what: people get roles here; what a role may do stands in ``governance.roles``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from auditlog.access import GuardedAdmin, row_action
from auditlog.identity import recently_confirmed
from auditlog.readonly import NamedList
from auditlog.services import record
from governance import second_factor
from governance.locks import unlock
from governance.people import rights_of
from governance.roles import BY_NAME
from governance.views.identity import to_confirm
from payments.admin.mirror import table

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

# The library's own pages show the secrets of second factors.
for secret in (TOTPDevice, StaticDevice):
    if admin.site.is_registered(secret):
        admin.site.unregister(secret)
admin.site.unregister([User, Group])
SUPERUSERS_ONLY = ("is_superuser", "user_permissions")


@admin.register(User)
class PersonAdmin(GuardedAdmin[User], UserAdmin[User]):
    """Django's own, but only a superuser makes a superuser, or touches one; and it is audited.

    Nobody is deleted: the audit log names people, and a switched-off account can't sign in.

    Who changes anything here has said lately who they are: at an open screen of an administrator
    anybody could make themselves an account that refunds.
    """

    never = frozenset({"delete"})
    actions = ("unlock", "take_second_factor")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[NamedList]:
        return NamedList

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, *SUPERUSERS_ONLY)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Without the password for those who can't set it: its field is a way to do that."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [
            (name, {**rest, "fields": [one for one in rest["fields"] if one != "password"]})
            for name, rest in fieldsets
        ]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        writes = self.has_add_permission(request) or self.has_change_permission(request)
        if writes and not recently_confirmed(request):
            return to_confirm(request)
        return super().changeform_view(request, *args, **kwargs)

    @row_action("Let in again after a lock-out…", "auth.change_user")
    def unlock(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """End the lock-outs of the chosen people."""
        return self.ask_why(
            request,
            queryset,
            "unlock",
            "Whoever guessed wrong too often can try again at once.",
            unlock,
        )

    @row_action("Take the second factor away…", "auth.change_user")
    def take_second_factor(
        self, request: HttpRequest, queryset: QuerySet[User]
    ) -> HttpResponse | None:
        """For who has lost both the authenticator and the recovery codes."""
        return self.ask_why(
            request,
            queryset,
            "take_second_factor",
            "They sign in with the password alone then, and those whose role needs a second factor "
            "set up another one first. Make sure that it is they who ask for it.",
            second_factor.remove,
        )

    def ask_why(
        self,
        request: HttpRequest,
        queryset: QuerySet[User],
        name: str,
        explanation: str,
        perform: Callable[..., object],
    ) -> HttpResponse | None:
        """Ask for a reason, then do it to each of the chosen people whom this person may change."""
        if not recently_confirmed(request):
            return to_confirm(request)
        people = [one for one in queryset[:100] if self.has_change_permission(request, one)]
        if not people:
            raise PermissionDenied
        reason = request.POST.get("reason", "").strip()[:500]
        if reason:
            for person in people:
                perform(person, reason=reason)
            self.message_user(request, f"Done for {len(people)}.", messages.SUCCESS)
            return None
        title = str(self.get_action(name)[2])  # type: ignore[index]
        return TemplateResponse(
            request,
            "auditlog/confirm.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": title.rstrip("…"),
                "explanation": explanation,
                "rows": people[:20],
                "more": max(len(people) - 20, 0),
                "keys": [person.pk for person in people],
                "action": name,
                "confirm": title.rstrip("…"),
                "error": "Say why." if "confirmed" in request.POST else "",
            },
        )

    def save_model(
        self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool
    ) -> None:
        form.before = rights_of(User.objects.get(pk=obj.pk)) if change else {}  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: ModelForm[User], formsets: Any, change: bool
    ) -> None:
        with transaction.atomic():
            super().save_related(request, form, formsets, change)
            record(
                "user.change" if change else "user.add",
                target=form.instance,
                before=form.before,  # type: ignore[attr-defined]
                after=rights_of(form.instance),
            )

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        """Another person's password: audited when it is set. One's own asks for the old one, which
        whoever sits at an open screen doesn't know."""
        person = self.get_object(request, unquote(id))
        if person and person.pk == request.user.pk:
            return redirect("password_change")
        if not recently_confirmed(request):
            return to_confirm(request)
        with transaction.atomic():
            response = super().user_change_password(request, id, form_url)
            if request.method == "POST" and response.status_code == 302:
                record("user.password", target=self.get_object(request, id))
        return response


@admin.register(Group)
class RoleAdmin(GuardedAdmin[Group], GroupAdmin):
    """Roles to look at; they are defined in code."""

    class Media:
        css: ClassVar[Any] = {"all": ["auditlog/readonly.css"]}

    never = frozenset({"add", "change", "delete"})
    list_display = ("name", "purpose")
    fields = readonly_fields = ("name", "purpose", "people", "permits")

    @admin.display(description="for whom")
    def purpose(self, group: Group) -> str:
        """What the people of the role do."""
        role = BY_NAME.get(group.name)
        return role.purpose if role else "Not one of the product’s roles."

    @admin.display(description="people")
    def people(self, group: Group) -> SafeString | str:
        """Who has the role, with a link to each."""
        links = [
            (reverse("admin:auth_user_change", args=[person.pk]), person.get_username())
            for person in group.user_set.order_by("username")
        ]
        return format_html_join(", ", '<a href="{}">{}</a>', links) or "Nobody yet."

    @admin.display(description="may")
    def permits(self, group: Group) -> SafeString | str:
        """What the role may do, by the kind of object."""
        may: dict[str, list[str]] = {}
        for permission in group.permissions.select_related("content_type"):
            of = permission.content_type
            action = permission.codename.removesuffix(f"_{of.model}").replace("_", " ")
            may.setdefault(f"{of.app_label}: {of.name}", []).append(action)
        lines = [(name, ", ".join(sorted(actions))) for name, actions in sorted(may.items())]
        return table(("What", "May"), lines) if lines else "Nothing."

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[NamedList]:
        return NamedList
