"""The service's OpenAPI document -> a page: every operation, the forms of what goes in and out, and the problems."""

import json
import re
from collections.abc import Iterator

from apiflask import APIFlask

from service.auth import NEEDED
from service.problems import HTTP_KINDS, PROBLEMS, TYPE_PREFIX
from service.typescript import names_of
from tests.reference.tables import Json, anchor, code, fields_of, form_of, page, prose, table

REF = "#/components/schemas/"
PROBLEM = "Problem"
# What the framework documents of its own errors; ours are all problems.
NOT_OURS = "HTTPError"
# What it says of an answer of which nothing is said.
UNTOLD = "Successful response"


def api_page(app: APIFlask) -> str:
    """Return the page on the API of an app."""
    document = app.spec
    assert isinstance(document, dict)
    schemas: Json = document["components"]["schemas"]
    names = names_of(schemas)

    def refer(path: str) -> str:
        name = names[path.removeprefix(REF)]
        return f"[{name}](#{anchor(name)})"

    by_tag: dict[str, list[str]] = {}
    needed = dict(_needed(app))
    for path, method, operation in sorted(_operations(document), key=lambda each: (each[0], each[1])):
        by_tag.setdefault(operation["tags"][0], []).append(
            _operation(path, method, operation, needed.get((method, path), ()), refer)
        )
    forms: dict[str, str] = {}
    for path, schema in schemas.items():
        if path != NOT_OURS:
            parts = [f"### {names[path]}", prose(schema.get("description")), fields_of(schema, refer)]
            forms[names[path]] = "\n\n".join(part for part in parts if part)
    return page(
        "API",
        "A running service shows the same at `/docs`, where it can be tried, and as OpenAPI at `/openapi.json`. What "
        "blocks, modes and keys are for is told in the [README](../../README.md#the-api), in "
        "[editorial.md](../editorial.md) and in [block.md](../block.md). A key goes along as "
        "`Authorization: Bearer KEY`; the scopes that open an address stand with it. A change that not every machine "
        "has confirmed is answered with 202 instead of 200. With `SEEALSO_READING=keyed` whatever reads is answered "
        "with 401 without a key.",
        *(part for tag in sorted(by_tag) for part in (f"## {tag}", *by_tag[tag])),
        "## Forms",
        *(forms[name] for name in sorted(forms)),
        "## Problems",
        f"Errors are [{PROBLEM}](#{anchor(PROBLEM)}) (RFC 9457). Their `type` is one of these, with `{TYPE_PREFIX}` "
        "before it:",
        _problems(),
    )


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _needed(app: APIFlask) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    """Yield for each operation that needs a key by which scopes it is opened."""
    for rule in app.url_map.iter_rules():
        scopes = getattr(app.view_functions[rule.endpoint], NEEDED, ())
        for method in rule.methods or ():
            yield (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)), scopes


def _operation(path: str, method: str, operation: Json, scopes: tuple[str, ...], refer: object) -> str:
    assert callable(refer)
    parts = [f"### {method} {path}", operation["summary"], prose(operation.get("description"))]
    if scopes:
        parts.append("Key: " + ", ".join(code(scope) for scope in scopes) + ".")
    rows = []
    for each in operation.get("parameters", ()):
        if each["in"] != "path":
            schema = each["schema"]
            default = "required" if each.get("required") else code(schema["default"]) if "default" in schema else ""
            rows.append((code(each["name"]), form_of(schema, refer), default, schema.get("description", "")))
    parts.append(table(("parameter", "form", "default", "meaning"), rows) if rows else "")
    if "requestBody" in operation:
        for media, content in operation["requestBody"]["content"].items():
            parts.append(f"Body, `{media}`: {form_of(content['schema'], refer)}")
            if "example" in content:
                parts.append("    " + json.dumps(content["example"], ensure_ascii=False))
    parts.append(_answers(operation["responses"], refer))
    return "\n\n".join(part for part in parts if part)


def _answers(responses: Json, refer: object) -> str:
    assert callable(refer)
    rows, problems = [], []
    for status, answer in sorted(responses.items()):
        if int(status) >= 400 and status != "503":
            problems.append(status)
            continue
        contents = {media: content.get("schema", {}) for media, content in answer.get("content", {}).items()}
        if status == "503" and "application/json" not in contents:
            problems.append(status)
            continue
        forms = ", ".join(form_of(schema, refer) if "$ref" in schema else code(media)
                          for media, schema in contents.items())  # fmt: skip
        meaning = answer.get("description", "")
        rows.append((status, forms or "no body", "" if meaning == UNTOLD else meaning))
    told = table(("answer", "form", "meaning"), rows)
    return told + (f"\n\nProblems: {', '.join(problems)}." if problems else "")


def _problems() -> str:
    rows = [(str(status), code(kind), title) for status, kind, title in PROBLEMS.values()]
    rows += [(str(status), code(kind), title) for status, (kind, title) in HTTP_KINDS.items()]
    return table(("status", "type", "title"), sorted(rows))
