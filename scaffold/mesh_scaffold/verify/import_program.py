"""Imports modules of a project whose changed files are read from memory. Run as a program, by itself.

It reads a JSON object: `root`, the project; `files`, the text of each changed file by its path, null where it is
deleted; `modules`, each with `name` and `path`. It writes a JSON object: by path, why a module cannot be imported.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import json
import os
import sys
import traceback
from importlib.abc import MetaPathFinder, SourceLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType


class MemoryLoader(SourceLoader):
    """Loads one module from its text."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.text = file, text

    def get_filename(self, fullname: str) -> str:
        """Where the file will be."""
        del fullname
        return self.file

    def get_data(self, path: str | bytes) -> bytes:
        """The text; there is no compiled file."""
        if str(path) != self.file:
            raise OSError(path)
        return self.text.encode("utf-8")


class OverlayFinder(MetaPathFinder):
    """Finds the modules whose files changed, and keeps deleted ones from being found on the disk."""

    def __init__(self, root: Path, files: Mapping[str, str | None]) -> None:
        self.files = {str(root / path): text for path, text in files.items()}
        self.root = root

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module's place, if its file changed."""
        del target
        name = fullname.rpartition(".")[2]
        for folder in path if path is not None else [str(self.root)]:
            package = os.path.join(folder, name, "__init__.py")  # noqa: PTH118  the strings that Python's own finder makes
            for file in (package, os.path.join(folder, f"{name}.py")):  # noqa: PTH118
                if (real := self._real(file)) in self.files:
                    return self._spec(fullname, file, self.files[real], is_package=file == package)
            if self._is_new_folder(os.path.join(folder, name)):  # noqa: PTH118
                spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
                spec.submodule_search_locations = [os.path.join(folder, name)]  # noqa: PTH118
                return spec
        return None

    def _real(self, file: str) -> str:
        """The file that a plan names: symbolic links are written through."""
        return file if file in self.files else os.path.realpath(file)

    def _is_new_folder(self, folder: str) -> bool:
        within = (text for file, text in self.files.items() if file.startswith(folder + os.sep))
        return not Path(folder).exists() and any(text is not None for text in within)

    @staticmethod
    def _spec(fullname: str, file: str, text: str | None, *, is_package: bool) -> importlib.machinery.ModuleSpec | None:
        if text is None:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        places = [os.path.dirname(file)] if is_package else None  # noqa: PTH120
        loader = MemoryLoader(file, text)
        return importlib.util.spec_from_file_location(fullname, file, loader=loader, submodule_search_locations=places)


def failure(error: BaseException, root: Path) -> dict[str, Any]:
    """Why, and the last place in the project on the way there."""
    place: tuple[str | None, int | None] = (None, None)
    if isinstance(error, SyntaxError):
        place = (error.filename, error.lineno)
    else:
        for frame in traceback.extract_tb(error.__traceback__):
            if Path(frame.filename).is_relative_to(root):
                place = (frame.filename, frame.lineno)
    file, line = place
    inside = file is not None and Path(file).is_relative_to(root)
    return {
        "message": f"{type(error).__name__}: {error}",
        "missing": error.name if isinstance(error, ModuleNotFoundError) else None,
        "path": Path(file).relative_to(root).as_posix() if inside and file else None,
        "line": line if inside else None,
    }


def imported(root: Path, name: str, path: str) -> None:
    """Import a module by its name, or, where its folders have none, by its path."""
    if all(part.isidentifier() for part in name.split(".")):
        importlib.import_module(name)
        return
    finder = next(found for found in sys.meta_path if isinstance(found, OverlayFinder))
    text = finder.files.get(str(root / path)) or (root / path).read_text(encoding="utf-8")
    exec(compile(text, str(root / path), "exec"), {"__name__": "plugin", "__file__": str(root / path)})  # noqa: S102


def main() -> None:
    """Import them all."""
    order = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what modules print is no answer
    root = Path(order["root"])
    sys.path.insert(0, str(root))
    sys.meta_path.insert(0, OverlayFinder(root, order["files"]))
    failures = {}
    for module in order["modules"]:
        try:
            imported(root, module["name"], module["path"])
        except BaseException as error:  # noqa: BLE001  a module may even exit
            failures[module["path"]] = failure(error, root)
    with answers:
        json.dump(failures, answers)
        answers.flush()
    os._exit(0)  # threads that a module started are of no interest


if __name__ == "__main__":
    main()
