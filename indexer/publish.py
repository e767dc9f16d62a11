"""Clear up after killed runs, and keep the next recipe."""

import shutil
from pathlib import Path

from pydantic import ValidationError

from seealso.errors import SettingsInvalid
from seealso.recipe import RECIPE_DEFAULT, Recipe
from seealso.snapshot.layout import (
    BUILDING_PREFIX,
    POINTER,
    RECIPE,
    REPORTS,
    SNAPSHOTS,
    WHOLE_PREFIX,
    replace_file,
)


def clear_remains(index: Path) -> None:
    """Remove what runs that were killed left half written. The caller holds the lock."""
    for path in (index / SNAPSHOTS).glob(f"{BUILDING_PREFIX}*"):
        shutil.rmtree(path)
    for path in (index / SNAPSHOTS).glob(f"{WHOLE_PREFIX}*"):
        if not path.with_name(path.name.removeprefix(WHOLE_PREFIX)).is_dir():  # its snapshot's, or half written
            path.unlink(missing_ok=True)
    for name in (POINTER, RECIPE):
        (index / f".{name}.new").unlink(missing_ok=True)
    for path in (index / REPORTS).glob(".*.new"):
        path.unlink(missing_ok=True)


def kept_recipe(index: Path) -> Recipe:
    """Return the recipe of the next run: what `seealso tune` kept in the index folder, else the default.

    Raises SettingsInvalid if the file holds something else.
    """
    path = index / RECIPE
    try:
        return Recipe.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return RECIPE_DEFAULT
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SettingsInvalid(
            f"{path}: {field}: {first['msg']}; run `seealso tune` anew, or remove the file"
        ) from error


def keep_recipe(index: Path, recipe: Recipe) -> Path:
    """Have the next runs use a recipe; return the file that says so."""
    replace_file(index / RECIPE, recipe.model_dump_json(indent=2).encode() + b"\n")
    return index / RECIPE
