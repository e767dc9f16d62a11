"""JSON schemas and rows -> Markdown: the form of a value in words, tables, lines that are folded."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from seealso.settings import Settings

Json = Mapping[str, Any]
MADE = "<!-- Made from the code by `make reference`; not to be changed by hand. -->"
_NAMES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}


def page(title: str, *parts: str) -> str:
    """Return a page: its title, and parts with an empty line between each and the next."""
    return "\n\n".join((f"# {title}", MADE, *(part.strip("\n") for part in parts if part))) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows as a table; a bar in a cell stays a bar."""
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [heads, ["---"] * len(heads), *cells]
    return "\n".join("|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|" for line in lines)


def code(value: object) -> str:
    """Return a value as it is written in JSON or on a command line."""
    written = json.dumps(value) if value is None or isinstance(value, bool | list | dict) else str(value)
    return f"`{written}`" if written else ""


def form_of(schema: Json, refer: Callable[[str], str] = str, null: str = "null") -> str:
    """Return what a value may be, in words; `refer` makes a link of a schema's path, `null` is what none is called."""
    if "$ref" in schema:
        return refer(schema["$ref"])
    if "const" in schema:
        return code(schema["const"])
    if "enum" in schema:
        return ", ".join(code(each) or '`""`' for each in schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            of = [form_of(each, refer, null) for each in schema[several] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(of)) + (f", or {null}" if len(of) < len(schema[several]) else "")
    kind = schema.get("type")
    if kind == "array":
        items = form_of(schema["items"], refer, null) if schema.get("items") else "anything"
        length = _between(schema, "minItems", "maxItems", "")
        return f"list{length}; each: {items}" if "," in items else f"list of {_plural(items)}{length}"
    if kind == "object":
        inside = schema.get("additionalProperties")
        return f"by name: {form_of(inside, refer, null)}" if isinstance(inside, dict) and inside else "object"
    if kind == "string":
        time = {"date-time": "time, ISO 8601", "date": "day, ISO 8601", "path": "path"}.get(schema.get("format", ""))
        return time or "text" + _length(schema)
    if kind in ("integer", "number"):
        return _NAMES[kind] + _between(schema, "minimum", "maximum", "") + _beyond(schema)
    return _NAMES.get(str(kind), "anything")


def fields_of(schema: Json, refer: Callable[[str], str] = str, null: str = "null") -> str:
    """Return the fields of an object as a table: name, form, default, and meaning where any has one."""
    required = set(schema.get("required", ()))
    rows = []
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in required else ""
        if "default" in field:
            default = null if field["default"] is None and null != "null" else code(field["default"])
        rows.append((code(name), form_of(field, refer, null), default, field.get("description", "")))
    told = 4 if any(meaning for *_, meaning in rows) else 3
    return table(("field", "form", "default", "meaning")[:told], [row[:told] for row in rows]) if rows else ""


def settings_table(kind: type[Settings], names: Iterable[str], variable: Callable[[str], str]) -> str:
    """Return settings as a table: variable, form, default, meaning."""
    properties = kind.model_json_schema()["properties"]
    rows = []
    for name in names:
        default = properties[name].get("default")
        form = form_of(properties[name], null="unset")
        rows.append((code(variable(name)), form, "unset" if default is None else code(default),
                     properties[name]["description"]))  # fmt: skip
    return table(("variable", "form", "default", "meaning"), rows)


def prose(docstring: str | None) -> str:
    """Return a docstring as paragraphs; what is indented stays as it is."""
    lines = (docstring or "").strip().splitlines()
    least = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    return "\n".join([lines[0], *(line[least:] for line in lines[1:])]) if lines else ""


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and MkDocs make it."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading.lower())).strip("-")


def _plural(form: str) -> str:
    return {"text": "texts", "object": "objects", "whole number": "whole numbers", "number": "numbers"}.get(form, form)


def _between(schema: Json, least: str, most: str, unit: str) -> str:
    low, high = schema.get(least), schema.get(most)
    if low is not None and high is not None:
        return f", {_number(low)} to {_number(high)}{unit}"
    if high is not None:
        return f", at most {_number(high)}{unit}"
    return f", at least {_number(low)}{unit}" if low else ""


def _length(schema: Json) -> str:
    low, high = schema.get("minLength"), schema.get("maxLength")
    if low == high == 1:
        return ", one character"
    return ", not empty" if low == 1 and high is None else _between(schema, "minLength", "maxLength", " characters")


def _beyond(schema: Json) -> str:
    below, above = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    return (f", above {_number(below)}" if below is not None else "") + (
        f", below {_number(above)}" if above is not None else ""
    )


def _number(value: float) -> str:
    if value != int(value):
        return f"{value:g}"
    return f"{int(value):,}" if abs(value) >= 10_000 else str(int(value))
