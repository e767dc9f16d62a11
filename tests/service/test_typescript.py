"""The TypeScript client is what the service's own document makes of it, passes tsc, and asks a service that runs."""

import json
from pathlib import Path

import pytest

from seealso.editorial.keys import create_key
from seealso.editorial.store import Store
from service.typescript import Json, openapi_document, typescript_of
from tests.conftest import ROOT
from tests.hosted import hosted
from tests.javascript import NODE_FOLDER, compile_typescript, node, run_node
from tests.makers import article, articles, index_of

CLIENT = ROOT / "clients/typescript"
ADDRESS = "http://news.example//x/y?z=ä"


@pytest.fixture(scope="module")
def document() -> Json:
    return openapi_document()


def test_what_is_committed_is_what_the_document_says(document: Json) -> None:
    committed = (CLIENT / "src/seealso.ts").read_text()
    assert committed == typescript_of(document), "run: python -m service.typescript clients/typescript/src/seealso.ts"


def test_each_operation_is_a_method(document: Json) -> None:
    written = typescript_of(document)
    for methods in document["paths"].values():
        for operation in methods.values():
            first, *more = operation["operationId"].split("_")
            assert f"\n  {first}{''.join(part.title() for part in more)}(" in written


def test_schemas_of_one_name_that_differ_are_two_types() -> None:
    def answer(name: str) -> dict[str, object]:
        schema = {"$ref": f"#/components/schemas/{name}.Card"}
        return {"operationId": name, "responses": {"200": {"content": {"application/json": {"schema": schema}}}}}

    cards = {"A.Card": "string", "B.Card": "integer", "A.Same": "string", "B.Same": "string"}
    schemas = {name: {"properties": {"x": {"type": kind}}, "required": ["x"]} for name, kind in cards.items()}
    made = {
        "info": {"title": "T", "version": "1 */"},
        "paths": {"/a": {"get": answer("A")}, "/b": {"get": answer("B")}},
        "components": {"schemas": schemas},
    }
    written = typescript_of(made)
    assert "interface ACard {\n  x: string;" in written
    assert "interface BCard {\n  x: number;" in written
    assert "Same" not in written
    assert "T 1 * /" in written


@pytest.mark.parametrize(
    "schema", [{"oneOf": []}, {"allOf": []}, {"type": "array", "prefixItems": []}, {"type": ["string", "null"]}]
)
def test_schema_of_which_no_type_is_made_is_refused(schema: dict[str, object]) -> None:
    answer = {"operationId": "x", "responses": {"200": {"content": {"application/json": {"schema": schema}}}}}
    made = {"info": {"title": "T", "version": "1"}, "paths": {"/a": {"get": answer}}, "components": {"schemas": {}}}
    with pytest.raises(ValueError, match=r"teach service/typescript\.py"):
        typescript_of(made)


def test_typescript_takes_it() -> None:
    node()
    compile_typescript("--noEmit", "-p", CLIENT)


def test_typescript_finds_what_is_wrong_with_a_call(tmp_path: Path) -> None:
    node()
    wrong = tmp_path / "wrong.ts"
    head = f'import {{ Seealso }} from "{CLIENT}/src/seealso.js";\nconst s = new Seealso({{ url: "http://x" }});\n'
    settings = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2022", "--types", "", str(wrong)]
    wrong.write_text(f'{head}s.related("a", {{ limit: 3 }}).then((block) => block.related[0]?.title.length);')
    compile_typescript(*settings)
    for call in ('s.related("a", { limit: "3" })', 's.related("a", { lmit: 3 })', "s.takeDown('a', {})", "s.nothing()"):
        wrong.write_text(f"{head}{call};")
        with pytest.raises(AssertionError, match="error TS"):
            compile_typescript(*settings)


def test_node_asks_a_service_that_runs(tmp_path: Path, redis_url: str) -> None:
    node()
    compile_typescript("-p", CLIENT, "--outDir", tmp_path / "dist")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    index = tmp_path / "index"
    index_of(index, [*articles(20, section="News", language="en"), article(ADDRESS, body="tides moon sea harbour")])
    key = create_key(Store(index), "client", "admin", "a test")[1]
    with hosted(index, redis_url) as url:
        told = json.loads(run_node(NODE_FOLDER / "client.mjs", tmp_path / "dist/seealso.js", url, key))
    assert told == {
        "block": {"id": "a000", "count": 3, "why": "number"},
        "address": ADDRESS,
        "html": 2,
        "batch": ["nobody"],
        "page": "below",
        "put": "new",
        "article": "Neap",
        "removed": "removed",
        "takedown": ["article:a007"],
        "restored": "a007",
        "events": "nothing",
        "status": 21,
        "wrong": {"name": "Problem", "problem": True, "status": 400, "field": "limit"},
        "unknown": {"name": "Problem", "problem": True, "status": 404},
        "stranger": {"name": "Problem", "problem": True, "status": 401},
        "gone": {"name": "NoAnswer", "problem": False},
        "slow": {"name": "NoAnswer", "problem": False},
        "stopped": {"name": "AbortError", "problem": False},
        "page_of_another": {"name": "NoAnswer", "problem": False},
        "json_of_another": ["NoAnswer"] * 5,
        "dots": ["TypeError"] * 2,
        "unconfirmed": "north",
        "named": ["NoAnswer"],
    }
