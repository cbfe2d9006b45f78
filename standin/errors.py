"""Errors in Stripe's shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Obj = dict[str, Any]


class ApiError(Exception):
    """An answer other than 2xx: its HTTP status and Stripe's ``error`` object.

    ``saved`` says whether an idempotency key keeps the answer: Stripe keeps what an endpoint
    answered once it began to execute, and no refusal that came before that.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type_: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        extra: Mapping[str, Any] | None = None,
        saved: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type_
        self.code = code
        self.param = param
        self.extra = dict(extra or {})
        self.saved = saved
        self.headers = dict(headers or {})

    def body(self) -> Obj:
        """The JSON body: ``{"error": {...}}``."""
        error: Obj = {"message": self.message, "type": self.type}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = "https://stripe.com/docs/error-codes/" + self.code.replace("_", "-")
        if self.param is not None:
            error["param"] = self.param
        error.update(self.extra)
        return {"error": error}


class RefusedToStartError(RuntimeError):
    """The stand-in was asked to start where it must never run."""


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """400: the request is understood, and can't be done."""
    return ApiError(400, message, code=code, param=param)


def bad_parameter(message: str, param: str, code: str) -> ApiError:
    """400: a parameter fails validation, before anything is executed."""
    return ApiError(400, message, code=code, param=param, saved=False)


def missing_parameter(param: str) -> ApiError:
    """400 ``parameter_missing``."""
    return bad_parameter(f"Missing required param: {param}.", param, "parameter_missing")


def unknown_parameter(param: str) -> ApiError:
    """400 ``parameter_unknown``."""
    return bad_parameter(f"Received unknown parameter: {param}", param, "parameter_unknown")


def no_such(kind: str, id_: str, param: str = "id") -> ApiError:
    """``resource_missing``: 404 for the object of the path, 400 for one named by a parameter."""
    status = 404 if param == "id" else 400
    label = {"checkout.session": "checkout.session"}.get(kind, kind)
    return ApiError(status, f"No such {label}: '{id_}'", code="resource_missing", param=param)
