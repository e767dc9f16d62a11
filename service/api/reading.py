"""HTTP in: query strings and JSON bodies -> checked models (`inputs`), strictly.

What is misspelt, repeated, malformed or out of bounds raises InvalidRequest with the field and what to do. APIFlask's
own reading drops repeated keys and unknown ones in silence, and a deeply nested body ends it with a 500; so its adapter
is replaced here, in the one place it provides for that.
"""

import json
import re
import typing
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from apiflask.schema_adapters import registry
from apiflask.schema_adapters.pydantic import PydanticAdapter
from flask import Request, abort, request
from pydantic import BaseModel, ValidationError

from seealso.article import printable, shortened
from seealso.errors import InvalidRequest

QUERY_PAIRS_MAX = 300
# What is longer is no name of ours, and is told cut.
TOLD_CHARACTERS_MAX = 60
JSON_TYPES = ("application/json",)
# int() takes '1_0', ' 5 ' and digits of any script; a query may hold plain ones only.
_DIGITS = re.compile(r"[0-9]{1,9}")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_FLAGS = {"0": False, "1": True, "false": False, "true": True}

Model = TypeVar("Model", bound=BaseModel)


class StrictReading(PydanticAdapter):
    """Reads queries and JSON bodies for APIFlask's `input`."""

    def validate_input(self, request: Request, location: str, **_: Any) -> BaseModel:
        """Return the checked model. Raises InvalidRequest."""
        if location == "query":
            return read_query(request.environ.get("QUERY_STRING", ""), self.model_class)
        if location == "json":
            return read_body(request, self.model_class)
        raise ValueError(f"nothing is read from {location}")


registry.register("pydantic", StrictReading)


def read_query(query_string: str, model: type[Model]) -> Model:
    """Return a query string, as WSGI hands it over, as a model. Raises InvalidRequest."""
    fields: dict[str, Any] = {}
    for name, value in _pairs(query_string):
        known = model.model_fields.get(name)
        if known is not None and typing.get_origin(known.annotation) is list:
            fields.setdefault(name, []).append(value)
        elif name in fields:
            raise InvalidRequest(_told(name), "is given more than once")
        else:
            fields[name] = _from_text(name, value, known.annotation if known else None)
    return _validated(model, fields)


def check_query() -> None:
    """Let a request go on whose query can be read, by whatever reads it. Raises InvalidRequest."""
    _pairs(request.environ.get("QUERY_STRING", ""))


def _pairs(query_string: str) -> list[tuple[str, str]]:
    try:
        raw = query_string.encode("latin-1").decode()  # WSGI hands over bytes as Latin-1
        return parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=QUERY_PAIRS_MAX)
    except UnicodeDecodeError:
        raise InvalidRequest("query", "is not UTF-8") from None
    except ValueError:
        raise InvalidRequest("query", f"has more than {QUERY_PAIRS_MAX} parts") from None


def _from_text(name: str, value: str, kind: Any) -> Any:
    """Return a value of a query as its field has it."""
    if kind in (int, int | None):
        if not _DIGITS.fullmatch(value):
            raise InvalidRequest(name, f"must be a whole number in digits 0-9 (got {shortened(value)})")
        return int(value)
    if kind in (bool, bool | None):
        if value not in _FLAGS:
            raise InvalidRequest(name, f"must be 0 or 1 (got {shortened(value)})")
        return _FLAGS[value]
    if kind == float | None:
        if not _DECIMAL.fullmatch(value):
            raise InvalidRequest(name, f"must be a number such as 0.25 (got {shortened(value)})")
        return float(value)
    return value


def read_body(request: Request, model: type[BaseModel]) -> BaseModel:
    """Return the JSON body as a model. Raises InvalidRequest, or ends with 413 or 415."""
    types = getattr(model, "media_types", JSON_TYPES)
    if request.mimetype not in types:
        abort(415, f"send the body as {' or '.join(types)}")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        abort(415, "send the body uncompressed")
    try:
        fields = json.loads(_body(request).decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise InvalidRequest("body", "is nested too deeply") from None
    except UnicodeDecodeError:
        raise InvalidRequest("body", "is not UTF-8") from None
    except ValueError as error:
        raise InvalidRequest("body", f"is not JSON ({error})") from None
    if not isinstance(fields, dict):
        raise InvalidRequest("body", "must be a JSON object")
    return _validated(model, fields)


def _body(request: Request) -> bytes:
    body = request.get_data()
    bytes_max = request.max_content_length
    # Flask refuses what says it is longer; what is sent in chunks says nothing, and is cut at the limit.
    if request.content_length is None and bytes_max is not None and len(body) >= bytes_max:
        abort(413)
    return body


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key is given more than once")
    return fields


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _validated(model: type[Model], fields: dict[str, Any]) -> Model:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    field, *place = first["loc"] or ["body"]
    field, where = _told(str(field)), said_of(place)
    if first["type"] == "extra_forbidden":
        known = ", ".join(_model_at(model, first["loc"][:-1]).model_fields)
        raise InvalidRequest(field, f"{where}is not known here; known are {known}")
    if first["type"] == "missing":
        raise InvalidRequest(field, f"{where}is missing")
    message = "must be a JSON object" if first["type"] == "model_type" else first["msg"].removeprefix("Value error, ")
    got = f" (got {shortened(first['input'])})" if first["loc"] else ""
    raise InvalidRequest(field, f"{where}{message[0].lower()}{message[1:]}{got}")


def said_of(place: Sequence[int | str]) -> str:
    """Return in words where in a field something stands: 'item 2 limit: '."""
    words = " ".join(f"item {part + 1}" if isinstance(part, int) else _told(part) for part in place)
    return f"{words}{'' if not place else ' ' if isinstance(place[-1], int) else ': '}"


def _told(name: str) -> str:
    """Return a name that somebody gave to a part of a request, as it can be told."""
    return printable(name if len(name) <= TOLD_CHARACTERS_MAX else f"{name[: TOLD_CHARACTERS_MAX - 1]}…")


def _model_at(model: type[BaseModel], place: Sequence[int | str]) -> type[BaseModel]:
    """Return the model that stands at a place in another: of a list of models, the item's."""
    for part in place:
        if isinstance(part, str):
            kind = model.model_fields[part].annotation
            model = (typing.get_args(kind) or (kind,))[0]
    return model
