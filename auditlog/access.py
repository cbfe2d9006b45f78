"""Who may open an address or run an action: declared beside it, and enforced by the declaration.

A view says so in one line, ``@requires("orders.view_order")``, ``@signed_in`` or ``@anyone``; an
action of the admin by ``@row_action("Retry", "payments.replay_stripeevent")``. What the standard
pages of the admin need follows from their model, less what ``GuardedAdmin.never`` says that nobody
does. ``governance.access`` gathers all of it; an address without a declaration is an error.

Every app may use this: the audit log stands to the left of all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

M = TypeVar("M", bound=Model)
View = Callable[..., HttpResponseBase]


class Who(Enum):
    """Whom a page is for, before any permission."""

    ANYONE = "anyone, signed in or not"
    SIGNED_IN = "everybody who is signed in"
    STAFF = "staff"
    NOBODY = "nobody"


@dataclass(frozen=True)
class Access:
    """Who may: these people, as far as they have all the permissions, and one of ``any_of``."""

    who: Who
    permissions: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()

    def __and__(self, other: Access) -> Access:
        """Whoever may both. The stricter of the two says for whom it is."""
        who = max(self.who, other.who, key=list(Who).index)
        if self.any_of and other.any_of:
            raise TypeError("one of these and one of those can't be said")
        both = tuple(dict.fromkeys((*self.permissions, *other.permissions)))
        return Access(who, both, self.any_of or other.any_of)

    def allows(self, user: AbstractBaseUser | AnonymousUser) -> bool:
        """Whether ``user`` may."""
        match self.who:
            case Who.ANYONE:
                return True
            case Who.SIGNED_IN:
                let_in = user.is_authenticated
            case Who.STAFF:
                let_in = user.is_active and bool(getattr(user, "is_staff", False))
            case Who.NOBODY:
                return False
        return (
            let_in
            and user.has_perms(self.permissions)  # type: ignore[union-attr]
            and (not self.any_of or any(map(user.has_perm, self.any_of)))  # type: ignore[union-attr]
        )


ANYONE = Access(Who.ANYONE)
SIGNED_IN = Access(Who.SIGNED_IN)
STAFF = Access(Who.STAFF)
NOBODY = Access(Who.NOBODY)


def needs(*permissions: str) -> Access:
    """Whoever is signed in and has all of ``permissions``."""
    return Access(Who.SIGNED_IN, permissions)


def guarded(access: Access) -> Callable[[View], View]:
    """A decorator that declares a view's access and enforces it: who isn't signed in is sent to
    do that, who may not is refused with 403.

    For functions and for bound methods, with the request as their first argument.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guard(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not access.allows(request.user):
                if not request.user.is_authenticated:
                    return redirect_to_login(request.get_full_path())
                raise PermissionDenied
            return view(request, *args, **kwargs)

        guard.access = access  # type: ignore[attr-defined]
        return guard

    return decorate


def requires(*permissions: str) -> Callable[[View], View]:
    """A decorator for a view that is for those who have all of ``permissions``."""
    if not permissions:
        raise TypeError("requires() takes at least one permission; there is signed_in for none")
    return guarded(needs(*permissions))


def requires_any(*permissions: str) -> Callable[[View], View]:
    """A decorator for a view that is for those who have one of ``permissions`` at least."""
    return guarded(Access(Who.SIGNED_IN, any_of=permissions))


signed_in = guarded(SIGNED_IN)
anyone = guarded(ANYONE)
staff_only = guarded(STAFF)


def row_action(description: str, *permissions: str) -> Callable[[Any], Any]:
    """A decorator for an action of an admin list: its words, and what running it needs."""

    def decorate(action: Any) -> Any:
        action.access = needs(*permissions)
        return admin.action(description=description)(action)

    return decorate


class GuardedAdmin(admin.ModelAdmin[M]):
    """Pages of a model whose ``never`` names what nobody does, superusers included: ``add``,
    ``change`` or ``delete``. Its actions declare what they need; others there are none."""

    never: frozenset[str] = frozenset()

    def access_to(self, what: str) -> Access:
        """Who may ``view``, ``add``, ``change`` or ``delete`` rows here."""
        if what in self.never:
            return NOBODY
        return needs(f"{self.opts.app_label}.{what}_{self.opts.model_name}")

    def row_actions(self) -> dict[str, Access | None]:
        """The actions of the list, each with who may run it; None where that isn't declared."""
        found = {}
        for name in self.actions or ():
            action = getattr(self, name) if isinstance(name, str) else name
            found[action.__name__] = getattr(action, "access", None)
        return found

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The actions that this person may run."""
        offered: dict[str, Any] = super().get_actions(request)
        access = self.row_actions()
        return {
            name: action
            for name, action in offered.items()
            if (who := access.get(name)) and who.allows(request.user)
        }

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list. Asked for an action that isn't this person's it refuses; Django's own would
        show the list again."""
        if request.method == "POST":
            access = self.row_actions().get(request.POST.get("action", ""))
            if access and not access.allows(request.user):
                raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What was done to the object: the audit log says it, not Django's own log."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        target = urlencode(
            {"target_type__exact": self.opts.label_lower, "target_id__exact": unquote(object_id)}
        )
        return redirect(f"{reverse('admin:auditlog_auditevent_changelist')}?{target}")

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return "add" not in self.never and super().has_add_permission(request, *args)

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return "change" not in self.never and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return "delete" not in self.never and super().has_delete_permission(request, obj)
