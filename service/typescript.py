"""The OpenAPI document -> a TypeScript client: a type for each schema, a method for each operation.

    python -m service.typescript clients/typescript/src/seealso.ts

What it is written for, and how requests are sent, stands in clients/typescript/.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from seealso.settings import ServiceSettings
from service.app import create_app

Json = Mapping[str, Any]
HEAD = """// Made by `python -m service.typescript` from the service's OpenAPI document; not to be changed by hand.

import { type Options, Service, type Unconfirmed } from "./service.js";

export { NoAnswer, type Options, Problem, Service, type ServiceOptions, type Unconfirmed } from "./service.js";
"""
_REF = "#/components/schemas/"
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_JSON = "application/json"
# What a schema may say that no type is made of here.
_UNTOLD = frozenset(("allOf", "not", "oneOf", "prefixItems"))


def openapi_document() -> Json:
    """Return the document of a service, whatever it is to serve."""
    with TemporaryDirectory() as folder:
        app = create_app(ServiceSettings(index=Path(folder)))
        here = app.extensions["seealso"]
        try:
            document = app.spec
            assert isinstance(document, dict)
            return document
        finally:
            here.cache.close()
            here.editorial.close()


def typescript_of(document: Json) -> str:
    """Return a module with the types and the client."""
    schemas: Json = document["components"]["schemas"]
    operations = list(_operations(document))
    names = names_of(schemas)
    wanted = _reached(operations, schemas)
    written: dict[str, str] = {}
    for path, schema in schemas.items():
        if path in wanted:
            written.setdefault(names[path], _interface(names[path], schema, names))
    parts = [HEAD, *(written[name] for name in sorted(written))]
    parts += [_query(operation, names) for _, _, operation in operations if _queried(operation)]
    methods = [_method(path, method, operation, names, schemas) for path, method, operation in operations]
    about = _comment(f"{document['info']['title']} {document['info']['version']}: each of its operations.", "")
    return "\n".join(parts) + f"\n{about}export class Seealso extends Service {{\n" + "\n".join(methods) + "}\n"


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Yield path, method and operation of all that may be asked for."""
    for path, methods in sorted(document["paths"].items()):
        for method, operation in sorted(methods.items()):
            yield path, method.upper(), operation


def names_of(schemas: Json) -> dict[str, str]:
    """Return what each schema is called: 'RelatedAnswer.Card' is 'Card' where all of that name are the same."""
    last: dict[str, list[str]] = {}
    for path in schemas:
        last.setdefault(path.rpartition(".")[2], []).append(path)
    names: dict[str, str] = {}
    for name, paths in last.items():
        alike = len({json.dumps(_bare(schemas[path]), sort_keys=True) for path in paths}) == 1
        names |= {path: name if alike else path.replace(".", "") for path in paths}
    return names


def _bare(schema: Any) -> Any:
    """Return a schema with the schemas that it names by their last names."""
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if isinstance(schema, dict):
        return {key: value.rpartition(".")[2] if key == "$ref" else _bare(value) for key, value in schema.items()}
    return schema


def _reached(operations: list[tuple[str, str, Json]], schemas: Json) -> set[str]:
    """Return the schemas that what is sent and answered is made of; a problem is an exception of the client's own."""
    found: set[str] = set()
    kinds = [[each.get("requestBody"), each["responses"].get("200")] for _, _, each in operations]
    ahead = [*_refs(kinds)]
    while ahead:
        path = ahead.pop()
        if path not in found:
            found.add(path)
            ahead += _refs(schemas[path])
    return found


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for each in schema:
            yield from _refs(each)
    elif isinstance(schema, dict):
        if isinstance(ref := schema.get("$ref"), str):
            yield ref.removeprefix(_REF)
        for each in schema.values():
            yield from _refs(each)


def _type(schema: Json, names: Mapping[str, str]) -> str:
    """Return a schema as a type. Raises ValueError where there is none of it yet."""
    kind = schema.get("type")
    if _UNTOLD & set(schema) or not (kind is None or kind in (*_PLAIN, "array", "object")):
        raise ValueError(f"no type is made of {json.dumps(schema)}; teach service/typescript.py")
    if "$ref" in schema:
        return names[schema["$ref"].removeprefix(_REF)]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(map(json.dumps, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(_type(each, names) for each in schema["anyOf"])
    if kind == "array":
        items = _type(schema["items"], names)
        return f"({items})[]" if "|" in items else f"{items}[]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"Record<string, {_type(more, names) if isinstance(more, dict) else 'unknown'}>"
    return "unknown" if kind is None else _PLAIN[kind]


def _interface(name: str, schema: Json, names: Mapping[str, str]) -> str:
    required = schema.get("required", [])
    lines = [_field(field, each, field in required, names) for field, each in schema.get("properties", {}).items()]
    return _comment(schema.get("description", ""), "") + f"export interface {name} {{\n{''.join(lines)}}}\n"


def _field(name: str, schema: Json, required: bool, names: Mapping[str, str]) -> str:
    return (
        f"{_comment(schema.get('description', ''), '  ')}  {name}{'' if required else '?'}: {_type(schema, names)};\n"
    )


def _queried(operation: Json) -> list[Json]:
    return [each for each in operation.get("parameters", []) if each["in"] == "query"]


def _query(operation: Json, names: Mapping[str, str]) -> str:
    """Return the type of an operation's query. What is null there is left out."""
    lines = []
    for parameter in _queried(operation):
        schema = parameter["schema"]
        if "anyOf" in schema:
            kinds = [each for each in schema["anyOf"] if each.get("type") != "null"]
            schema = {**schema, "anyOf": kinds}
        lines.append(_field(parameter["name"], schema, bool(parameter.get("required")), names))
    about = _comment(f"The query of `{_camel(operation['operationId'])}`.", "")
    return f"{about}export interface {_query_name(operation)} {{\n{''.join(lines)}}}\n"


def _method(path: str, method: str, operation: Json, names: Mapping[str, str], schemas: Json) -> str:
    arguments = []
    address = path
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            name = _camel(parameter["name"])
            arguments.append(f"{name}: {_type(parameter['schema'], names)}")
            address = address.replace(f"{{{parameter['name']}}}", f"${{encodeURIComponent({name})}}")
    sent = []
    if "requestBody" in operation:
        arguments.append(f"body: {_type(operation['requestBody']['content'][_JSON]['schema'], names)}")
        sent.append("body")
    if queried := _queried(operation):
        needed = any(each.get("required") for each in queried)
        arguments.append(f"query: {_query_name(operation)}{'' if needed else ' = {}'}")
        sent.append("query")
    arguments.append("options: Options = {}")
    content = operation["responses"].get("200", {}).get("content", {})
    answer, call, has = "void", "nothing", ""
    if _JSON in content:
        schema = content[_JSON]["schema"]
        answer, call = _type(schema, names), "json"
        has = f'"{schemas[schema["$ref"].removeprefix(_REF)]["required"][0]}", '
        if method != "GET" and operation.get("security"):
            answer += " & Unconfirmed"
    elif "text/html" in content:
        answer, call = "string", "text"
    quoted = f"`{address}`" if "${" in address else f'"{address}"'
    what = f"{{ {', '.join(sent)} }}" if sent else "{}"
    about = operation.get("summary", "") or operation["operationId"]
    needs = " Needs a key." if operation.get("security") else ""
    return (
        f"{_comment(about + needs, '  ')}"
        f"  {_camel(operation['operationId'])}({', '.join(arguments)}): Promise<{answer}> {{\n"
        f'    return this.{call}("{method}", {quoted}, {what}, {has}options);\n'
        "  }\n"
    )


def _comment(text: str, indent: str) -> str:
    line = " ".join(text.replace("*/", "* /").split())
    return f"{indent}/** {line} */\n" if line else ""


def _query_name(operation: Json) -> str:
    name = _camel(operation["operationId"])
    return f"{name[0].upper()}{name[1:]}Query"


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(typescript_of(openapi_document()))
