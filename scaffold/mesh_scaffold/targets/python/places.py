"""`[targets.python]` in `mesh.toml`: where the app keeps what the steps look at and edit."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from mesh_descriptors.errors import MeshError, Place, Problem
from mesh_descriptors.project import PROJECT_FILE, ProjectPath

if TYPE_CHECKING:
    from mesh_descriptors.project import ProjectFile


class PlacesError(MeshError):
    """A place in `[targets.python]` is not what it must be."""


def _identifier(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"{name!r} is no Python name")
    return name


def _python_file(path: str) -> str:
    if not path.endswith(".py"):
        raise ValueError(f"{path!r} is no Python file")
    return path


PyName = Annotated[str, AfterValidator(_identifier)]
PyFile = Annotated[ProjectPath, AfterValidator(_python_file)]


class PythonPlaces(BaseModel):
    """The files, folders and names of the app. The defaults are those of an app made by `mesh init`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: PyFile = "app/models.py"
    post_type_enum: PyName = "PostType"
    post_model: PyName = "Post"
    actions: PyFile = "app/actions.py"
    create_params: PyName = "CreatePostParams"
    update_params: PyName = "UpdatePostParams"
    create_function: PyName = "create_post"
    create_row: PyName = "row"
    update_function: PyName = "update_post"
    update_data: PyName = "update_data"
    validators: ProjectPath = "app/validators"
    validators_map: PyName = "VALIDATORS"
    field_kinds: PyFile = "app/fields.py"
    database: PyFile = "app/database.py"
    feed: PyFile = "app/feed.py"
    feeds_map: PyName = "FEEDS"
    create_menu: PyName = "CREATE_MENU"
    cards: ProjectPath = "app/templates/cards"
    forms: ProjectPath = "app/templates/forms"
    tests: ProjectPath = "tests"

    @property
    def icons(self) -> str:
        """The app's drawings, where an app that `mesh init` makes has them: beside its models."""
        folder = self.models.rpartition("/")[0]
        return f"{folder}/static/icons.svg" if folder else "static/icons.svg"

    @property
    def packages(self) -> frozenset[str]:
        """The app's own top-level packages."""
        return frozenset(path.split("/")[0] for path in (self.models, self.actions, self.validators, self.feed))


def module_of(path: str) -> str:
    """The dotted name of a Python file or package: `app.fields` for `app/fields.py`."""
    return path.removesuffix(".py").replace("/", ".")


def read_places(project: ProjectFile) -> PythonPlaces:
    """The places that `mesh.toml` sets, the defaults for the rest.

    Raises:
        PlacesError: one is misspelt, leaves the project, or is no Python name; all problems at once.
    """
    try:
        return PythonPlaces.model_validate(project.targets.get("python", {}))
    except ValidationError as error:
        problems = [
            Problem(
                "unknown key" if detail["type"] == "extra_forbidden" else detail["msg"],
                Place(PROJECT_FILE, field=".".join(["targets", "python", *map(str, detail["loc"])])),
                "Remove the key or correct its name." if detail["type"] == "extra_forbidden" else None,
            )
            for detail in error.errors()
        ]
        raise PlacesError(problems=problems) from error
