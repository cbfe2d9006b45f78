"""Where a person lands."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from auditlog.access import signed_in


@signed_in
def home(request: HttpRequest) -> HttpResponse:
    """Send each role to where its work is: the dashboard, or the admin; or say that there is none.

    Whoever runs orders or reads the audit log works in the admin.
    """
    user = request.user
    works_in_admin = user.is_staff and (
        user.has_perm("orders.change_order") or user.has_perm("auditlog.view_auditevent")
    )
    if user.has_perm("analyticsapp.view_daysnapshot") and not works_in_admin:
        return redirect("dashboard")
    if user.is_staff:
        return redirect("admin:index")
    return render(request, "no_role.html", status=403)
