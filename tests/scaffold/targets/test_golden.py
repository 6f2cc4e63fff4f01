"""The generated output of three specs is kept, so that a reviewer reads it and not only the templates.

After a wanted change: python tests/golden/renew.py, then read the diff.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

RENEW = Path(__file__).parents[2] / "golden" / "renew.py"


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return runpy.run_path(str(RENEW))


@pytest.fixture(scope="module")
def app(golden: dict[str, Any]) -> dict[str, bytes]:
    files: dict[str, bytes] = golden["new_app"]()
    return files


@pytest.mark.parametrize("case", ["event", "playlist", "poll"])
def test_the_output_is_what_was_reviewed(golden: dict[str, Any], app: dict[str, bytes], case: str) -> None:
    generated, kept = golden["generated"](case, app), golden["kept"](case)

    assert sorted(generated) == sorted(kept), "run: python tests/golden/renew.py"
    for path, content in generated.items():
        assert content.decode() == kept[path].decode(), f"{path} has changed; run: python tests/golden/renew.py"


def test_every_case_is_compared(golden: dict[str, Any]) -> None:
    assert golden["cases"]() == ["event", "playlist", "poll"]
