"""The documents of the API for those who call it: `python -m src.app.interfaces.cli docs export`."""

import json
import sys
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Never

from src.app.config.settings import ROOT, HTTPSettings, LaunchMode, SettingsProd

_FOLDER = ROOT / "docs" / "api"


def export_documents() -> None:
    """Write the documents anew."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in _made().items():
        (_FOLDER / name).write_text(text, encoding="utf-8")


def check_documents() -> None:
    """Exit with the names of the documents that do not fit the code, if there are any."""
    if stale := stale_documents():
        sys.exit(f"Stale: {', '.join(stale)}; run `python -m src.app.interfaces.cli docs export`")


def stale_documents() -> list[str]:
    """Return the documents in `docs/api` that do not fit the code."""
    return [
        name
        for name, text in _made().items()
        if not (_FOLDER / name).exists() or (_FOLDER / name).read_text(encoding="utf-8") != text
    ]


def _made() -> Mapping[str, str]:
    # A tool of development: the images that serve have no YAML.
    try:
        import yaml  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        sys.exit("This needs the tools of development; `bash beautify.sh` installs them")

    from src.app.interfaces.api.documents.pages import ASSETS, SWAGGER
    from src.app.interfaces.api.documents.postman import postman_of

    document = _document()
    base_url = f"http://127.0.0.1:{HTTPSettings.model_fields['API_PORT'].default}"
    assets = (ASSETS.relative_to(ROOT) / name for name in (*SWAGGER.styles, *SWAGGER.scripts))
    found = {file.relative_to(ASSETS.relative_to(ROOT)).as_posix(): f"../../{file}" for file in assets}
    return {
        "index.html": SWAGGER.html(project=document["info"]["title"], assets=found, document="openapi.yaml"),
        "openapi.json": _json(document),
        "openapi.yaml": yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110),
        "postman_collection.json": _json(postman_of(document, base_url=base_url)),
    }


def _document() -> dict[str, Any]:
    """Return the document of the service as it runs in production, whatever is set where this runs."""
    from src.app.interfaces.api.app import make_app

    app = make_app(SettingsProd.model_construct(LAUNCH_MODE=LaunchMode.PROD), _never_started)
    # Through JSON, so that no part of it is shared, which YAML would write as anchors.
    document: dict[str, Any] = json.loads(json.dumps(app.openapi()))
    return document


def _never_started() -> AbstractAsyncContextManager[Never]:
    raise AssertionError("Only a server starts the process")


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
