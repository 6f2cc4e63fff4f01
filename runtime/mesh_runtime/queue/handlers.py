"""Handlers: what runs for each type of job."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import from_json, to_json

from mesh_runtime.queue.errors import HandlerError, PayloadError
from mesh_runtime.queue.json_text import check_json
from mesh_runtime.queue.secret_fields import MASKED, reveal, secret_paths

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaWarningKind

    from mesh_runtime.queue.context import JobContext

Result = Mapping[str, object] | None
Isolation = Literal["thread", "process"]
Function = Callable[[Any, "JobContext"], Result | Awaitable[Result]]

MAX_PAYLOAD_BYTES = 1024 * 1024
"""Payloads carry ids, not data."""


@dataclass(frozen=True, slots=True)
class Handler:
    """A function for jobs of one type; made by `job`.

    Attributes:
        job_type: the type's name.
        function: takes the payload and the context. An `async def` runs in the worker's event loop, others in a thread.
        payload: the model that payloads are checked with; None for a plain dict.
        version: of the payload. A worker leaves jobs of a newer version to newer workers.
        timeout: how long one attempt may take, unless the job itself says so.
        isolation: "process" runs it in a process of its own, which can be killed.
        is_async: whether the function is `async def`.
        secrets: the fields of the payload that its model marks as secret; dots lead into objects.
    """

    job_type: str
    function: Function
    payload: type[BaseModel] | None = None
    version: int = 1
    timeout: timedelta | None = None
    isolation: Isolation = "thread"
    is_async: bool = field(init=False)
    secrets: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Look once at what is asked for each job."""
        object.__setattr__(self, "is_async", inspect.iscoroutinefunction(self.function))
        object.__setattr__(self, "secrets", secret_paths(self.payload))

    def __call__(self, payload: Any, context: JobContext) -> Result | Awaitable[Result]:
        """Call the function itself."""
        return self.function(payload, context)

    def write(self, payload: BaseModel | Mapping[str, object]) -> str:
        """The payload as JSON, checked with the model.

        Raises:
            PayloadError: it is not what the model says, or too large.
        """
        if self.payload is None or isinstance(payload, self.payload):
            return write_payload(self.job_type, payload)
        try:
            return write_payload(self.job_type, self.payload.model_validate(payload))
        except ValidationError as error:
            raise _unfit(self.job_type, error) from error

    def schema(self) -> dict[str, Any] | None:
        """The JSON schema of the payload, for people and tools; None without a model."""
        return None if self.payload is None else self.payload.model_json_schema(schema_generator=_LenientSchema)

    def read(self, text: str) -> Any:
        """The payload from JSON: an instance of the model, or a dict.

        Raises:
            PayloadError: the model cannot read it.
        """
        if self.payload is None:
            return from_json(text)
        try:
            return self.payload.model_validate_json(text)
        except ValidationError as error:
            raise _unfit(self.job_type, error) from error


def job(
    job_type: str,
    *,
    payload: type[BaseModel] | None = None,
    version: int = 1,
    timeout: timedelta | None = None,
    isolation: Isolation = "thread",
) -> Callable[[Function], Handler]:
    """Make a handler of a function: `@job("build_taste_vector", payload=BuildTaste)`.

    Args:
        job_type: the name of the type, in snake_case.
        payload: the pydantic model of the payload; without one the function gets a dict.
        version: of the payload; raise it when old workers could not read it.
        timeout: how long one attempt may take. Then an `async def` is cancelled, a process is killed, and a thread,
            which cannot be stopped, is left to itself; the attempt has failed.
        isolation: "process" runs it in a process of its own: it can be killed, and takes nothing else along if it dies.

    Raises:
        HandlerError: the name is not one, or the function, the payload's model, the timeout or the isolation cannot be.
    """
    if not isinstance(job_type, str):
        raise HandlerError("@job lacks the name of the job type", remedy='Write it like @job("send_mail").')
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", job_type):
        raise HandlerError(
            f"{job_type!r} is not a job type's name",
            remedy="Use snake_case, at most 63 letters, digits and underscores.",
        )
    if payload is not None and not hasattr(payload, "model_validate"):
        raise HandlerError(f"{job_type}: the payload must be a pydantic model, not {payload!r}")
    if timeout is not None and not (isinstance(timeout, timedelta) and timeout > timedelta()):
        raise HandlerError(f"{job_type}: the timeout must be a timedelta of more than nothing, not {timeout}")
    if isolation not in get_args(Isolation):
        raise HandlerError(f"{job_type}: the isolation must be thread or process, not {isolation!r}")

    def handler(function: Function) -> Handler:
        _check_arguments(job_type, function)
        return Handler(job_type, function, payload, version, timeout, isolation)

    return handler


def _check_arguments(job_type: str, function: Function) -> None:
    try:
        inspect.signature(function).bind("payload", "context")
    except TypeError as error:
        raise HandlerError(
            f"{job_type}: the handler cannot be called with a payload and a context: {error}",
            remedy="Write it like def send_mail(payload, context).",
        ) from error
    except ValueError:
        return  # what is written in C has no signature


def by_type(handlers: Iterable[Handler]) -> dict[str, Handler]:
    """The handlers by the name of their type.

    Raises:
        HandlerError: two handle one type.
    """
    found: dict[str, Handler] = {}
    for handler in handlers:
        if handler.job_type in found:
            both = f"{_where(found[handler.job_type])} and {_where(handler)}"
            raise HandlerError(
                f"two handlers claim the job type {handler.job_type!r}: {both}",
                remedy="Rename one of the types.",
            )
        found[handler.job_type] = handler
    return found


def write_payload(job_type: str, payload: BaseModel | Mapping[str, object]) -> str:
    """The payload as JSON that PostgreSQL can store; what is secret in it is written as it is.

    Raises:
        PayloadError: it is no object, holds what JSON or PostgreSQL cannot, or is too large.
    """
    try:
        encoded = to_json(payload)
        if MASKED in encoded:
            encoded = to_json(reveal(payload, encoded))
        check_json(encoded)
    except ValueError as error:  # PydanticSerializationError is one
        raise PayloadError(f"the payload of {job_type} cannot be written as JSON: {error}") from error
    if not encoded.startswith(b"{"):
        raise PayloadError(f"the payload of {job_type} must be an object", remedy="Pass a model or a mapping.")
    if len(encoded) > MAX_PAYLOAD_BYTES:
        raise PayloadError(
            f"the payload of {job_type} has {len(encoded):,} bytes; at most {MAX_PAYLOAD_BYTES:,} are allowed",
            remedy="Store the data elsewhere and pass its id.",
        )
    return encoded.decode()


class _LenientSchema(GenerateJsonSchema):
    """A field that JSON schema has no word for may be anything."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        del schema, error_info
        return {}

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """A default that JSON cannot hold, as a secret is, is left out without a word."""


def _unfit(job_type: str, error: ValidationError) -> PayloadError:
    # Without the input: it may be a person's data, and this text is stored.
    reasons = "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'payload'}: {item['msg']}"
        for item in error.errors(include_input=False)
    )
    return PayloadError(f"the payload of {job_type} is invalid: {reasons}")


def _where(handler: Handler) -> str:
    return f"{handler.function.__module__}.{getattr(handler.function, '__qualname__', handler.function)}"
