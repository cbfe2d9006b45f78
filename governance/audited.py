"""What this app does that stands in the audit log, and what its rows may carry."""

from __future__ import annotations

from auditlog.actions import register

RIGHTS = ("username", "is_active", "is_staff", "is_superuser", "groups", "user_permissions")

SIGNED_IN = register("user.signed_in", "Somebody signed in.")
SIGNED_OUT = register("user.signed_out", "Somebody signed out.")
SIGN_IN_FAILED = register(
    "user.sign_in_failed",
    "Somebody tried to sign in and couldn’t; at whose account, where there is one of that name.",
    "known",
)
LOCKED_OUT = register(
    "user.locked_out",
    "Somebody guessed wrong too often, and account and address are locked out for a while.",
    "known",
)
register("user.unlocked", "Somebody who was locked out was let in again.")
register("identity.confirmed", "Somebody said again who they are, before something grave.")
register("second_factor.begun", "Somebody began to set up an authenticator.")
register("second_factor.added", "An authenticator was taken into use.")
register("second_factor.codes_made", "Recovery codes were made, in place of earlier ones.")
register("second_factor.given", "Somebody gave their second factor.", "with")
register("second_factor.failed", "Somebody gave a code that wasn’t valid.")
register("second_factor.removed", "A second factor was taken away.")
register("user.add", "An account was made.", *RIGHTS, "role")
register("user.change", "The rights of an account, or its name, were changed.", *RIGHTS)
register("user.password", "A password was set.")
register(
    "permission.denied", "Somebody was refused what they asked for.", "path", "method", "roles"
)
register("role.permissions", "What a role may do was changed, by a deployment.", "permissions")
SETTINGS_SEEN = register(
    "settings.seen",
    "A process started with other settings than the last one; of what is or may be secret, a "
    "fingerprint.",
    "process",
    "values.*",
    "fingerprints.*",
)
register(
    "customer.erased",
    "What is personal of a customer was erased: how many values by field, and which of Stripe’s "
    "customers it was. Nothing that was erased.",
    "fields.*",
    "customers",
    "rows.*",
)
register(
    "customer.forget",
    "The inbox was told whom to forget: by how many keys, and which of Stripe’s customers it is.",
    "customers",
    "known_by",
)
register(
    "data.purged",
    "Data was deleted whose time was over: how many rows, by what they were.",
    "jobs that ended",
    "sessions that expired",
    "failed attempts to sign in",
)
