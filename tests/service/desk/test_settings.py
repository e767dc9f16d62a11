"""The settings at the desk."""

from collections.abc import Callable
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from seealso.editorial.keys import Scope, create_key
from seealso.editorial.store import Store
from seealso.project import Placement
from seealso.settings import SECRET, ServiceSettings
from service.desk.settings import placement_in_words, setting_of, shown, trial_in_words

SignIn = Callable[[Scope], FlaskClient]


def test_only_who_runs_the_service_sees_them(sign_in: SignIn) -> None:
    assert sign_in("editor").get("/desk/settings").status_code == 403
    assert sign_in("admin").get("/desk/settings").status_code == 200


def test_every_setting_stands_there_with_its_value_and_what_it_does(sign_in: SignIn) -> None:
    text = sign_in("admin").get("/desk/settings").text
    for name in ServiceSettings.model_fields:
        assert f"SEEALSO_{name.upper()}" in text
    assert "<code>120/minute</code>" in text
    assert "`" not in text
    assert "By default: 120/minute" in text  # it is set to something else here


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("session_secret", "s" * 40, "set, and not shown"),
        ("wordpress_secret", "s" * 40, "set, and not shown"),
        ("purge_authorization", "Bearer secret", "set, and not shown"),
        ("session_secret", None, "unset"),
        ("purge_authorization", "", "empty"),
        ("redis_url", "redis://:secret@cache:6379/0", "redis://cache:6379 (the rest is not shown)"),
        ("redis_url", "unix:///run/redis.sock", "unix (the rest is not shown)"),
        ("editorial", "postgresql://me:secret@db/news", "postgresql://db (the rest is not shown)"),
        ("editorial", "postgresql://me:se[cret@db/news", "set, and not shown"),
        ("purge_webhook", "https://cdn.example/purge?token=secret", "https://cdn.example (the rest is not shown)"),
        ("port", 8080, "8080"),
        ("traces", True, "yes"),
    ],
)
def test_what_opens_something_is_not_shown(name: str, value: object, said: str) -> None:
    assert shown(name, value) == said


def test_no_secret_is_on_the_page(index: Path, make_app: Callable[..., APIFlask], redis_url: str) -> None:
    secrets = {name: f"the-secret-of-{name}-in-forty-characters" for name in SECRET if name.endswith("_secret")}
    app = make_app(
        index, **secrets, purge_authorization="Bearer the-secret", purge_webhook="http://x:the-secret@127.0.0.1:9/the-secret"
    )  # fmt: skip
    key = create_key(Store(index), "Ann", "admin", "x")[1]
    text = app.test_client().get("/desk/settings", headers={"Authorization": f"Bearer {key}"}).text
    assert "the-secret" not in text
    assert redis_url.partition("://")[2] not in text


def test_setting_that_differs_from_its_default_is_marked() -> None:
    assert setting_of(ServiceSettings(port=9000), "port").changed
    assert not setting_of(ServiceSettings(), "port").changed


def test_placements_and_the_trial_are_told_in_words(
    tmp_path: Path, index: Path, make_app: Callable[..., APIFlask]
) -> None:
    file = tmp_path / "seealso.toml"
    file.write_text(
        '[placements.sidebar]\nlimit = 5\nmode = "latest"\n[trial]\nname = "titles"\nrecipe = { titles_share = 0.3 }\n'
    )
    key = create_key(Store(index), "Ann", "admin", "x")[1]
    client = make_app(index, project=file).test_client()
    text = client.get("/desk/settings", headers={"Authorization": f"Bearer {key}"}).text
    assert "at most 5 articles; new pieces preferred" in text
    assert "titles_share 0.3" in text
    assert placement_in_words(Placement()) == "nothing of its own"
    whole = Placement(limit=3, mode="evergreen", min_probability=0.2, stories="all", sections=["A"], languages=["de"])
    assert "a chance of 20% at least" in placement_in_words(whole)
    assert trial_in_words(None) is None
