"""What is personal in the audit log and in the tables of Django and of libraries: of the people who
work here. No customer's data is in them but what somebody wrote into a reason."""

from __future__ import annotations

from auditlog.personal import Erasure, Kind, Personal, declare

STAFF = "who did what is the point of the log"


def kept(kind: Kind, why: str) -> Personal:
    return Personal(kind, why, erasure=Erasure.KEPT)


declare(
    "auditlog.AuditEvent",
    kept="`AUDIT_YEARS` at least, and longer: a row that went missing would break the chain of "
    "seals, which proves all that came after",
    actor_name=kept(Kind.NAME, STAFF),
    reason=kept(Kind.FREE_TEXT, "why somebody did it, in their own words"),
    before=kept(Kind.METADATA, "only the fields that `<app>/audited.py` allows"),
    after=kept(Kind.METADATA, "only the fields that `<app>/audited.py` allows"),
    address=kept(Kind.IP, "where it came from"),
    harmless="action target_type target_id request_id",
)
declare("auditlog.AuditSeal", harmless="previous row_digests digest")
ACCOUNT = "signs in, and is named by the audit log"
declare(
    "auth.User",
    kept="as long as somebody works here; afterwards inactive, for the log names them",
    username=kept(Kind.NAME, ACCOUNT),
    first_name=kept(Kind.NAME, ACCOUNT),
    last_name=kept(Kind.NAME, ACCOUNT),
    email=kept(Kind.EMAIL, ACCOUNT),
    password=kept(Kind.CREDENTIAL, "its hash alone"),
)
declare(
    "sessions.Session",
    kept="`SESSION_HOURS`, then until the next `purge_expired`",
    session_data=kept(Kind.IDENTIFIER, "who is signed in"),
    harmless="session_key",
)
ATTEMPT = "to lock out who guesses passwords"
declare(
    "axes.AccessAttempt",
    kept="`SIGN_IN_ATTEMPT_DAYS` after the last one",
    username=kept(Kind.NAME, ATTEMPT),
    ip_address=kept(Kind.IP, ATTEMPT),
    user_agent=kept(Kind.IDENTIFIER, ATTEMPT),
    get_data=kept(Kind.FREE_TEXT, "what the form’s address said"),
    post_data=kept(Kind.FREE_TEXT, "what the form said, the password masked"),
    harmless="http_accept path_info",
)
declare(
    "otp_totp.TOTPDevice",
    kept="as long as somebody has it as second factor",
    key=kept(Kind.CREDENTIAL, "what its codes are made of"),
    harmless="name",
)
declare(
    "otp_static.StaticToken",
    kept="until it is used",
    token=kept(Kind.CREDENTIAL, "a recovery code"),
)
