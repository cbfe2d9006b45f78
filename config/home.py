"""Where a person lands."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Send each role to where its work is: the dashboard, or the admin."""
    if request.user.has_perm("analyticsapp.view_daysnapshot") and not request.user.has_perm(
        "orders.change_order"
    ):
        return redirect("dashboard")
    return redirect("admin:index")
