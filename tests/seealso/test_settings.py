from pathlib import Path
from typing import Any

import pytest

from seealso.errors import SettingsInvalid
from seealso.settings import SECRET, IndexerSettings, ServiceSettings, as_environment, load_settings


def test_defaults_need_no_environment() -> None:
    settings = load_settings(ServiceSettings)
    assert (settings.host, settings.port, settings.redis_url) == ("127.0.0.1", 8080, None)


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEALSO_PORT", "9000")
    assert load_settings(ServiceSettings).port == 9000


def test_option_stands_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEALSO_PORT", "9000")
    assert load_settings(ServiceSettings, port=9001, host=None).port == 9001


def test_misspelt_variable_names_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEALSO_REDIS_ULR", "redis://localhost")
    with pytest.raises(SettingsInvalid, match="SEEALSO_REDIS_ULR is no setting; did you mean SEEALSO_REDIS_URL"):
        load_settings(ServiceSettings)


def test_setting_of_the_other_program_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEALSO_KEEP", "5")
    load_settings(ServiceSettings)
    assert load_settings(IndexerSettings).keep == 5


def test_impossible_value_is_named_where_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEALSO_WORKERS", "many")
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(ServiceSettings, port=70_000)
    assert "SEEALSO_WORKERS: " in str(caught.value)
    assert "'many'" in str(caught.value)
    assert "--port: " in str(caught.value)


def test_settings_pass_through_the_environment_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(ServiceSettings, index=Path("/srv/index"), threads=7, redis_url="redis://cache:6379/1")
    for name, value in as_environment(settings).items():
        monkeypatch.setenv(name, value)
    assert load_settings(ServiceSettings) == settings


def test_every_setting_says_what_it_is() -> None:
    for kind in (IndexerSettings, ServiceSettings):
        for name, field in kind.model_fields.items():
            assert field.description, name


def test_empty_variable_is_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SEEALSO_MODEL", "SEEALSO_REDIS_URL", "SEEALSO_PORT"):
        monkeypatch.setenv(name, "")
    assert load_settings(ServiceSettings) == ServiceSettings()


@pytest.mark.parametrize(
    "url",
    [
        *(
            "garbage",
            "http://x",
            "redis://cache:6379/abc",
            "redis://cache:6379/0/1",
            "redis://u:p@[::1",
            "redis://",
            "unix://",
        ),
        *("redis://:a#b@cache", "redis+cluster://:a?b@a:1", "redis+sentinel://:a@b@a:1/main"),
        *("redis+sentinel://a:26379", "redis+sentinel://a/main", "redis+cluster://a", "redis+cluster://a:1/main"),
    ],
)
def test_address_that_is_no_redis_is_refused_before_anything_starts(url: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"--redis-url: .* such as redis://HOST:6379/0"):
        load_settings(ServiceSettings, redis_url=url)


@pytest.mark.parametrize(
    "url",
    [
        *("redis://cache:6379/1", "redis://cache:6379/", "rediss://cache/0?ssl_cert_reqs=none"),
        *("rediss://user:word@cache", "unix:///run/redis.sock", "redis://[::1]:6379"),
        *("redis+sentinel://a:26379,b:26379/main", "redis+sentinel://u:word@a:26379/main/2"),
        *("redis+cluster://a:6379,[::1]:6380", "redis+cluster://:word@a:6379", "redis+cluster://:a%23b@a:6379"),
    ],
)
def test_addresses_of_redis_are_taken(url: str) -> None:
    assert load_settings(ServiceSettings, redis_url=url).redis_url == url


@pytest.mark.parametrize(
    "hosts", ["https://a.example", "a.example/x", "a.example:80", "*.a.example", "a.example,b.example"]
)
def test_host_whose_pages_may_be_read_is_a_name_alone(hosts: str) -> None:
    with pytest.raises(SettingsInvalid, match="is no host such as"):
        load_settings(ServiceSettings, desk_fetch=hosts)
    assert load_settings(ServiceSettings, desk_fetch="a.example b.example").desk_fetch == "a.example b.example"
    assert load_settings(ServiceSettings, desk_fetch="*").desk_fetch == "*"


@pytest.mark.parametrize(
    "sites", ["cms.example", "https://a.example/", "https://a.example; script-src *", "*", "'self'"]
)
def test_site_that_may_frame_is_an_origin_alone(sites: str) -> None:
    with pytest.raises(SettingsInvalid, match="desk-frames"):
        load_settings(ServiceSettings, desk_frames=sites)
    assert load_settings(ServiceSettings, desk_frames="https://a.example:8443").desk_frames == "https://a.example:8443"


def test_settings_that_are_printed_whole_keep_their_secrets() -> None:
    assert {*ServiceSettings.model_fields, *IndexerSettings.model_fields} >= SECRET
    for kind in (ServiceSettings, IndexerSettings):
        given: dict[str, Any] = {name: "hidden" for name in SECRET if name in kind.model_fields}
        settings = kind.model_construct(None, **given)
        assert "hidden" not in repr(settings)
        assert "hidden" not in f"{settings}"
        assert "log_level='info'" in repr(settings)
    assert "redis_url=None" in repr(ServiceSettings())
