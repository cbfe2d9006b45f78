from django.contrib.auth.views import LogoutView
from django.urls import path

from auditlog.access import anyone, signed_in
from governance.views import ChangePassword, SignIn

urlpatterns = [
    path("login/", anyone(SignIn.as_view()), name="login"),
    path("logout/", anyone(LogoutView.as_view()), name="logout"),
    path("password/", signed_in(ChangePassword.as_view()), name="password_change"),
]
