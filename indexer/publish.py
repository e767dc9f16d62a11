"""Keep the last few snapshots, clear up after killed runs, and keep the next recipe."""

import os
import shutil
from pathlib import Path

from pydantic import ValidationError

from seealso.errors import SettingsInvalid, SnapshotRefused
from seealso.recipe import RECIPE_DEFAULT, Recipe
from seealso.snapshot.layout import (
    BUILDING_PREFIX,
    POINTER,
    RECIPE,
    SNAPSHOTS,
    current_id,
    published_ids,
    replace_file,
    snapshot_folder,
    sync_folder,
)
from seealso.snapshot.manifest import read_manifest


def prune(index: Path, keep: int) -> list[str]:
    """Remove all but `keep` snapshots: the current, the one served before it, the newest; return the ids removed."""
    current = current_id(index)
    ids = published_ids(index)
    first = [each for each in (current, _parent_of(index, current)) if each in ids]
    kept = list(dict.fromkeys([*first, *reversed(ids)]))[:keep]
    removed = [each for each in ids if each not in kept]
    for snapshot_id in removed:
        remove_snapshot(index, snapshot_id)
    return removed


def remove_snapshot(index: Path, snapshot_id: str) -> None:
    """Remove a snapshot that is not the current one."""
    _remove_folder(snapshot_folder(index, snapshot_id))


def clear_remains(index: Path) -> None:
    """Remove what runs that were killed left half written. The caller holds the lock."""
    for path in (index / SNAPSHOTS).glob(f"{BUILDING_PREFIX}*"):
        shutil.rmtree(path)
    for name in (POINTER, RECIPE):
        (index / f".{name}.new").unlink(missing_ok=True)


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


def _parent_of(index: Path, snapshot_id: str) -> str | None:
    try:
        return read_manifest(snapshot_folder(index, snapshot_id)).parent
    except SnapshotRefused:
        return None


def _remove_folder(folder: Path) -> None:
    # Out of the list of snapshots first, in one step: a run killed halfway leaves no half snapshot with a good name.
    aside = folder.with_name(f"{BUILDING_PREFIX}removed-{folder.name}")
    os.rename(folder, aside)
    sync_folder(folder.parent)
    shutil.rmtree(aside)
