"""The file of sites: what each has, and what no two may have."""

from pathlib import Path

import pytest

from seealso.errors import SettingsInvalid
from seealso.settings import ServiceSettings
from seealso.sites import OF_SERVICE, OF_SITE, OWN, read_sites
from tests.conftest import ROOT

TWO = """
[sites.coast]
hosts = ["related.coast.example", "Coast.Example"]
index = "coast"
threads = 8
rate_limit = "60/minute"
project = "coast/seealso.toml"

[sites.city]
hosts = ["related.city.example"]
index = "/srv/city"
"""


def named(folder: Path, text: str, **settings: object) -> ServiceSettings:
    path = folder / "sites.toml"
    path.write_text(text, encoding="utf-8")
    return ServiceSettings(sites=path, **settings)  # type: ignore[arg-type]


def fault_of(folder: Path, text: str, **settings: object) -> str:
    with pytest.raises(SettingsInvalid) as caught:
        read_sites(named(folder, text, **settings))
    return str(caught.value).replace(str(folder / "sites.toml"), "FILE")


def test_without_a_file_the_service_is_one_site_of_any_host() -> None:
    settings = ServiceSettings(site="coast")
    (site,) = read_sites(settings)
    assert (site.name, site.hosts, site.settings) == ("coast", (), settings)


def test_without_a_file_the_address_of_its_store_is_looked_at_too() -> None:
    with pytest.raises(SettingsInvalid, match="SEEALSO_EDITORIAL must be an address"):
        read_sites(ServiceSettings(editorial="nonsense"))


def test_each_site_has_its_own_and_the_rest_is_as_it_is_for_the_service(tmp_path: Path) -> None:
    coast, city = read_sites(named(tmp_path, TWO, copies_mb=16, threads=2, cors_origins="*", workers=3))
    assert (coast.name, coast.hosts) == ("coast", ("related.coast.example", "coast.example"))
    assert (city.name, city.hosts) == ("city", ("related.city.example",))
    assert (coast.settings.index, city.settings.index) == (tmp_path.resolve() / "coast", Path("/srv/city"))
    assert (coast.settings.threads, city.settings.threads) == (8, 2)
    assert (coast.settings.rate_limit, city.settings.rate_limit) == ("60/minute", "120/minute")
    assert coast.settings.project == tmp_path / "coast/seealso.toml"
    for site in (coast, city):
        assert (site.settings.copies_mb, site.settings.cors_origins, site.settings.workers) == (16, "*", 3)
        assert site.settings.site == site.name
        assert site.settings.sites is None


def test_texts_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COAST_SECRET", "of the coast, sixteen at least")
    text = TWO.replace("threads = 8", 'wordpress_secret = "${COAST_SECRET}"')
    coast, city = read_sites(named(tmp_path, text))
    assert coast.settings.wordpress_secret == "of the coast, sixteen at least"
    assert city.settings.wordpress_secret is None


def test_every_setting_is_of_a_site_or_of_the_service() -> None:
    assert OF_SITE - {"hosts"} | OF_SERVICE == set(ServiceSettings.model_fields)
    assert set(OWN) <= OF_SITE


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "FILE: names no site; a site is a table [sites.NAME]"),
        ("sites = 1", "FILE: names no site; a site is a table [sites.NAME]"),
        ("[site.coast]", "FILE: site: there is no such table; a site is a table [sites.NAME]"),
        ("[sites]\ncoast = 1", "FILE: sites.coast: must be a table"),
        (TWO.replace("sites.city", "sites.City"), "FILE: sites.City: a name is of lower-case letters, digits and"),
        (TWO.replace("sites.city", f"sites.{'c' * 33}"), f"FILE: sites.{'c' * 33}: a name is of lower-case"),
        (TWO.replace("threads = 8", "thread = 8"), "FILE: sites.coast.thread: there is no such setting; did you mean"),
        (TWO.replace("threads = 8", "threads = 0"), "FILE: sites.coast.threads: Input should be greater than or equal"),
        (TWO.replace("threads = 8", "workers = 8"), "FILE: sites.coast.workers: is of the whole service; set SEEALSO_"),
        (TWO.replace("threads = 8", 'site = "c"'), "FILE: sites.coast.site: is of the whole service; set SEEALSO_SITE"),
        (TWO.replace('index = "coast"\n', ""), "FILE: sites.coast: has no 'index', which each site must have"),
        (TWO.replace("hosts =", "host ="), "FILE: sites.coast: has no 'hosts', which each site must have"),
        (TWO.replace('hosts = ["related.city.example"]\n', ""), "FILE: sites.city: has no 'hosts', which each site"),
        (TWO.replace('["related.city.example"]', "[]"), "FILE: sites.city.hosts: must be a list of hosts, such as"),
        (TWO.replace('["related.city.example"]', '"a.example"'), "FILE: sites.city.hosts: must be a list of hosts"),
        (TWO.replace("related.city.example", "city.example:80"), "FILE: sites.city.hosts: 'city.example:80' is no"),
        (TWO.replace("related.city.example", "city.example."), "FILE: sites.city.hosts: 'city.example.' is no host"),
        (TWO.replace("related.city.example", "*.city.example"), "FILE: sites.city.hosts: '*.city.example' is no host"),
        (TWO.replace("related.city.example", "städte.example"), "FILE: sites.city.hosts: 'städte.example' is no host"),
        (TWO.replace("threads = 8", 'editorial = "mysql://a/b"'), "SEEALSO_EDITORIAL names a 'mysql'"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_named(tmp_path: Path, text: str, fault: str) -> None:
    assert fault_of(tmp_path, text).startswith(fault)


def test_secret_is_not_told(tmp_path: Path) -> None:
    told = fault_of(tmp_path, TWO.replace("threads = 8", 'ghost_secret = "short"'))
    assert told.startswith("FILE: sites.coast.ghost_secret: ")
    assert "short" not in told.replace("shorter", "")


POSTGRESQL = "postgresql://seealso:{}@db.example{}/related"


@pytest.mark.parametrize(
    ("coast", "city", "fault"),
    [
        ({}, {"hosts": '["a.example", "COAST.example"]'}, "has host coast.example, and so has sites.coast"),
        ({}, {"hosts": '["a.example", "A.example"]'}, "sites.city.hosts: names a host twice"),
        ({}, {"index": '"elsewhere/../coast"'}, "has index {}/coast, and so has sites.coast"),
        ({}, {"editorial": '"sqlite:///{}/coast/editorial.db"'}, "has folder {}/coast for what editors decide, and"),
        (
            {"editorial": '"sqlite:///{}/kept/coast.db"'},
            {"editorial": '"sqlite:///{}/kept/city.db"'},
            "has folder {}/kept for what editors decide, and so has sites.coast",
        ),
        (
            {"editorial": f'"{POSTGRESQL.format("one", "")}"'},
            {"editorial": f'"{POSTGRESQL.format("other", ":5432")}"'},
            "has editorial store in the same database, and so has sites.coast",
        ),
        (
            {"ghost_secret": '"sixteen letters."'},
            {"ghost_secret": '"sixteen letters."'},
            "has ghost_secret of the same text, and so has sites.coast",
        ),
        (
            {"editorial": '"postgresql://u@db.example/related?sslmode=require"'},
            {"editorial": '"postgresql://u@DB.example/related"'},
            "has editorial store in the same database, and so has sites.coast",
        ),
        (
            {"snapshot_store": '"s3://news/coast"'},
            {"snapshot_store": '"s3://news//coast/"'},
            "has snapshot_store s3://news//coast/, and so has sites.coast",
        ),
        (
            {"snapshot_store": '"file:///mnt/share/coast"'},
            {"snapshot_store": '"file:///mnt/share/city/../coast"'},
            "has snapshot_store file:///mnt/share/city/../coast, and so has sites.coast",
        ),
        (
            {"snapshot_store": '"file://{}/real"'},
            {"snapshot_store": '"file://{}/link"'},
            "has snapshot_store file://{}/link, and so has sites.coast",
        ),
        (
            {"snapshot_store": '"s3://news"'},
            {"snapshot_store": '"s3://news/city"'},
            "sites.city: has snapshot_store s3://news/city, which is below that of sites.coast",
        ),
        (
            {"snapshot_store": '"file:///mnt/share/all/coast"'},
            {"snapshot_store": '"file:///mnt/share/all"'},
            "sites.coast: has snapshot_store file:///mnt/share/all/coast, which is below that of sites.city",
        ),
        (
            {"milvus_uri": '"http://milvus:19530"', "milvus_name": '"news"'},
            {"milvus_uri": '"http://MILVUS:19530/"', "milvus_name": '"news"'},
            "has milvus_name news, and so has sites.coast",
        ),
    ],
)
def test_no_site_has_what_is_another_ones(
    tmp_path: Path, coast: dict[str, str], city: dict[str, str], fault: str
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    tables = []
    for name, given in (("coast", coast), ("city", city)):
        fields = {"hosts": f'["{name}.example"]', "index": f'"{name}"'} | given
        said = "\n".join(f"{key} = {value}" for key, value in fields.items()).replace("{}", str(tmp_path))
        tables.append(f"[sites.{name}]\n{said}")
    assert fault.replace("{}", str(tmp_path)) in fault_of(tmp_path, "\n".join(tables))


def test_two_databases_of_one_server_are_two_stores(tmp_path: Path) -> None:
    first, second = (f'editorial = "postgresql://db.example/{name}"' for name in ("coast", "city"))
    text = TWO.replace("threads = 8", first) + second
    assert len(read_sites(named(tmp_path, text))) == 2


def test_two_folders_of_one_store_and_two_names_in_one_milvus_are_two(tmp_path: Path) -> None:
    coast, city = (f'snapshot_store = "s3://news/{name}"\n' for name in ("coast", "coast-city"))
    text = TWO.replace("threads = 8", coast) + city
    sites = read_sites(named(tmp_path, text, milvus_uri="http://milvus:19530"))
    assert [site.settings.milvus_named for site in sites] == ["seealso_coast", "seealso_city"]


def test_secret_of_all_goes_to_no_address_of_one(tmp_path: Path) -> None:
    own = 'purge_webhook = "https://coast.example/purge"\nmilvus_uri = "http://milvus.coast.example"'
    coast, city = read_sites(
        named(
            tmp_path,
            TWO.replace("threads = 8", own),
            purge_webhook="https://cdn.example/purge",
            purge_authorization="Bearer of all",
            milvus_uri="http://milvus.example",
            milvus_token="of:all",
        )
    )
    assert (coast.settings.purge_authorization, coast.settings.milvus_token) == ("", None)
    assert (city.settings.purge_authorization, city.settings.milvus_token) == ("Bearer of all", "of:all")
    said = own + '\npurge_authorization = "Bearer of the coast"\nmilvus_token = "of:coast"'
    coast, _ = read_sites(named(tmp_path, TWO.replace("threads = 8", said), purge_authorization="Bearer of all"))
    assert (coast.settings.purge_authorization, coast.settings.milvus_token) == ("Bearer of the coast", "of:coast")


@pytest.mark.parametrize("name", OWN)
def test_what_opens_something_does_not_hold_for_all(tmp_path: Path, name: str) -> None:
    told = fault_of(tmp_path, TWO, **{name: "s3://news/a" if name == "snapshot_store" else "X-User-or-sixteen-letters"})
    assert told.startswith(
        f"SEEALSO_{name.upper()} would hold for every site of FILE; unset it, and say {name!r} there"
    )


def test_site_is_named_by_the_file_alone(tmp_path: Path) -> None:
    assert fault_of(tmp_path, TWO, site="coast").startswith("SEEALSO_SITE names the one site of a service; FILE names")


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"absent\.toml: cannot be read"):
        read_sites(ServiceSettings(sites=tmp_path / "absent.toml"))


def test_file_in_the_documentation_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (ROOT / "docs/sites.md").read_text()
    monkeypatch.setenv("CITY_WORDPRESS", "sixteen letters.")
    coast, city = read_sites(named(tmp_path, guide.split("```toml\n")[1].split("```")[0]))
    assert coast.settings.project == tmp_path / "coast/seealso.toml"
    assert (city.settings.reading, city.settings.wordpress_secret) == ("keyed", "sixteen letters.")
    of_service, own = (
        next(line for line in guide.splitlines() if line.startswith(f"| {head}"))
        for head in ("of the whole", "said in")
    )
    assert {f"`{name}`" for name in OF_SERVICE - {"site", "sites"}} == set(of_service.split("|")[2].strip().split(", "))
    assert {f"`{name}`" for name in OWN} == set(own.split("|")[2].strip().split(", "))
