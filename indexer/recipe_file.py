"""The recipe of the next run, kept in the index folder."""

from pathlib import Path

from pydantic import ValidationError

from seealso.errors import SettingsInvalid
from seealso.recipe import RECIPE_DEFAULT, Recipe
from seealso.snapshot.layout import RECIPE, replace_file


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
