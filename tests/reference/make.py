"""Which pages the reference has, and the small index of which the app is asked that some of them are made from."""

from pathlib import Path
from tempfile import TemporaryDirectory

from seealso.settings import ServiceSettings
from service.app import create_app
from tests.conftest import ROOT
from tests.makers import HashEncoder, articles, index_of
from tests.reference.api import api_page
from tests.reference.licences import licences_page
from tests.reference.pages import (
    commands_page,
    exit_codes_page,
    metrics_page,
    project_page,
    settings_page,
    snapshot_page,
)

FOLDER = ROOT / "docs/reference"
LICENCES = "licences.md"


def reference_pages() -> dict[str, str]:
    """Return every page of the reference by its file's name."""
    with TemporaryDirectory() as name:
        index = Path(name)
        index_of(index, articles(3))
        app = create_app(ServiceSettings(index=index), HashEncoder)
        try:
            of_app = {"api.md": api_page(app), "metrics.md": metrics_page(app, index)}
        finally:
            here = app.extensions["seealso"]
            here.cache.close()
            here.editorial.close()
    return of_app | {
        "commands.md": commands_page(),
        "exit-codes.md": exit_codes_page(),
        LICENCES: licences_page(),
        "project.md": project_page(),
        "settings.md": settings_page(),
        "snapshot.md": snapshot_page(),
    }
