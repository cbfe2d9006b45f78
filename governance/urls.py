from django.contrib.auth.views import LogoutView
from django.urls import path

from auditlog.access import anyone, signed_in
from governance.second_factor import open_before
from governance.views import second_factor
from governance.views.identity import confirm
from governance.views.sign_in import ChangePassword, SignIn

urlpatterns = [
    path("login/", open_before(anyone(SignIn.as_view())), name="login"),
    path("logout/", open_before(anyone(LogoutView.as_view())), name="logout"),
    path("password/", signed_in(ChangePassword.as_view()), name="password_change"),
    path("confirm/", confirm, name="confirm_identity"),
    path("verify/", second_factor.verify, name="verify"),
    path("second-factor/", second_factor.manage, name="second_factor"),
    path("second-factor/change/", second_factor.change, name="second_factor_change"),
    path("second-factor/image.svg", second_factor.image, name="second_factor_image"),
]
