"""`plugin.toml`: what a plug-in says about itself before any of its code runs."""

from __future__ import annotations

import keyword
import math
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mesh_descriptors.patterns import CRON, NAME, VERSION

PLUGIN_FILE = "plugin.toml"

Kind = Literal["post-type", "node-type", "connector", "jobs"]
ConfigType = Literal["string", "int", "float", "bool", "list[string]", "secret"]

_FOUND = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "a list", dict: "a table"}


def is_module_name(name: str) -> bool:
    """Whether a module or a plug-in folder may be called so: ASCII letters, digits, underscores inside; no keyword."""
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) is not None and not keyword.iskeyword(name)


def _module(name: str) -> str:
    if not is_module_name(name):
        raise ValueError(f"{name!r} is no module name; name a module beside plugin.toml, without path or .py")
    return name


class ConfigField(BaseModel):
    """`[config.<name>]`: one value that a project may set for the plug-in.

    Attributes:
        type: what the value must be; a `secret` is written as `env:NAME` and read from the environment.
        default: the value when the project sets none; a `secret` has a reference `env:NAME` here too.
        required: the plug-in does not load without a value.
        help: one line that says what the value is for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: ConfigType
    default: Any = None
    required: bool = False
    help: str = ""

    @model_validator(mode="after")
    def _default_fits(self) -> ConfigField:
        if self.default is not None:
            self.read(self.default)
            if self.required and self.type != "secret":
                raise ValueError("a required field has no default; remove `required` or `default`")
        return self

    def read(self, value: object) -> Any:
        """The value as the plug-in gets it; of a secret, the reference as written.

        Raises:
            ValueError: it is of another type. The message never holds the value: it may be a misplaced secret.
        """
        found = _FOUND.get(type(value), f"a {type(value).__name__}")
        if self.type == "secret":
            if isinstance(value, str) and re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", value):
                return value
            raise ValueError('expected a reference to an environment variable, as "env:NAME"')
        if self.type == "list[string]":
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                return tuple(value)
        elif self.type == "float":
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                return float(value)
        elif type(value) is {"string": str, "int": int, "bool": bool}[self.type]:
            return value
        raise ValueError(f"expected {self.type}, found {found}")


class PluginSchedule(BaseModel):
    """`[[schedules]]`: a job that the plug-in wants enqueued again and again.

    Attributes:
        name: of the schedule, in snake_case; one only in a database.
        cron: minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly.
        job: the type of the job.
        payload: of each job.
        timezone: whose clock the expression is read by.
        priority: 0 to 10; ten is the most urgent.
        max_attempts: after so many failures the job is a dead letter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=NAME)
    cron: str = Field(pattern=CRON)
    job: str = Field(pattern=NAME)
    payload: dict[str, Any] = {}
    timezone: str = Field(default="UTC", min_length=1)
    priority: int = Field(default=0, ge=0, le=10)
    max_attempts: int = Field(default=3, ge=1, le=1000)


MAX_LABEL = 100
"""The longest label, in characters."""
ConfigName = Annotated[str, Field(pattern=NAME)]


class PluginDescriptor(BaseModel):
    """The whole of `plugin.toml`.

    Attributes:
        kind: what the plug-in adds.
        type: the snake_case name of what it adds; one plug-in only may claim a kind's type.
        version: the plug-in's own version.
        label: what people read.
        icon: the name of an icon.
        entry: modules beside `plugin.toml` that are imported when the plug-in loads, in this order.
        replaces_first_party: the plug-in takes the place of the one that mesh ships for the same kind and type.
        config: the values that a project may set in `[plugins.<folder name>]` of its `mesh.toml`.
        schedules: jobs that come again; a worker makes them known when it starts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    type: str = Field(pattern=NAME)
    version: str = Field(pattern=VERSION)
    label: str = Field(min_length=1, max_length=MAX_LABEL)
    icon: str | None = Field(default=None, min_length=1, max_length=100)
    entry: tuple[Annotated[str, AfterValidator(_module)], ...] = ()
    replaces_first_party: bool = False
    config: dict[ConfigName, ConfigField] = {}
    schedules: tuple[PluginSchedule, ...] = ()
