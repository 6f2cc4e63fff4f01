"""Which fields of a payload are secret: stored for the handler as they are, and masked wherever a job is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import pydantic
from pydantic import BaseModel, RootModel, SecretBytes, SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SECRETS = (SecretStr, SecretBytes, pydantic.Secret)
_CYCLE = "\0"
MASKED = b"**********"
"""What pydantic writes in the place of a secret."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Marks a field of a payload's model as secret: `token: Annotated[str, Secret()]`, as `token: SecretStr` does."""


def secret_paths(model: type[BaseModel] | None) -> tuple[str, ...]:
    """The secret fields of the JSON that a model is written as: dots lead into objects, `*` stands for every key."""
    found = {path[1:] for path in _of_type(model, ())} if model else set()
    # What holds itself has no last level: its own kind is hidden as a whole, if there is a secret in it.
    cycles = {path for path in found if path.endswith(_CYCLE)}
    plain = found - cycles
    return tuple(sorted(plain | {path.removesuffix(_CYCLE) for path in cycles if plain}))


def reveal(value: object, masked: str | bytes) -> object:
    """The JSON value of `value` with its secrets in it; `masked` is its JSON as pydantic writes it.

    Raises:
        ValueError: the two do not have the same shape.
    """
    return _revealed(value, json.loads(masked))


def _revealed(value: object, shown: Any) -> object:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="python", by_alias=True)
    if isinstance(value, _SECRETS):
        inner = value.get_secret_value()
        return inner.decode() if isinstance(inner, bytes) else inner
    if isinstance(value, Mapping) and isinstance(shown, dict):
        pairs = zip(value.values(), shown.items(), strict=True)
        return {key: _revealed(part, shown_part) for part, (key, shown_part) in pairs}
    if isinstance(value, list | tuple | set | frozenset) and isinstance(shown, list):
        return [_revealed(part, shown_part) for part, shown_part in zip(value, shown, strict=True)]
    return shown


def _of_fields(owner: type, above: tuple[type, ...]) -> Iterator[str]:
    """The secret paths below an object, with a dot before each."""
    for name, annotation, marks in _fields(owner):
        if any(isinstance(mark, Secret) for mark in marks):
            yield f".{name}"
        else:
            yield from (f".{name}{rest}" for rest in _of_type(annotation, (*above, owner)))


def _fields(owner: type) -> Iterator[tuple[str, Any, Iterable[object]]]:
    """The name in JSON, the type and the marks of each field of a model, a dataclass or a TypedDict."""
    if issubclass(owner, BaseModel):
        for name, field in owner.model_fields.items():
            yield field.serialization_alias or field.alias or name, field.annotation, field.metadata
    else:
        for name, annotation in get_type_hints(owner, include_extras=True).items():
            yield name, annotation, ()


def _of_type(annotation: Any, above: tuple[type, ...]) -> Iterator[str]:
    """What leads from a value of the type to its secrets: empty when it is one."""
    annotation = getattr(annotation, "__value__", annotation)  # of a `type` statement
    base, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if any(isinstance(mark, Secret) for mark in arguments):
        yield ""
    elif not isinstance(base, type):
        for argument in arguments:
            yield from _of_type(argument, above)
    elif issubclass(base, _SECRETS):
        yield ""
    elif issubclass(base, RootModel):
        yield from _of_type(base.model_fields["root"].annotation, above)
    elif issubclass(base, BaseModel) or is_dataclass(base) or hasattr(base, "__total__"):
        yield from [_CYCLE] if base in above else _of_fields(base, above)
    elif issubclass(base, Mapping) and arguments:
        yield from (f".*{rest}" for rest in _of_type(arguments[1], above))
    else:
        for argument in arguments:
            yield from _of_type(argument, above)
