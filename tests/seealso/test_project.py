from pathlib import Path

import pytest

from seealso.errors import SettingsInvalid
from seealso.project import BlockEntry, CsvEntry, Project, SqlEntry, read_block, read_project


def read(tmp_path: Path, content: str) -> Project:
    path = tmp_path / "seealso.toml"
    path.write_text(content)
    return read_project(path)


def test_file_says_what_a_newsroom_is_made_of(tmp_path: Path) -> None:
    project = read(
        tmp_path,
        """
        sections_left_out = ["Horoscopes"]
        [[source]]
        kind = "csv"
        path = "articles.csv"
        fields = { id = "slug" }
        [[source]]
        kind = "sitemap"
        address = "https://courier.example/sitemap.xml"
        [crawl]
        requests_per_second = 5
        [placements.under-article]
        limit = 6
        mode = "latest"
        [limits]
        gate_overlap_min = 0.4
        """,
    )
    assert [entry.kind for entry in project.source] == ["csv", "sitemap"]
    assert isinstance(project.source[0], CsvEntry)
    assert (project.source[0].fields, project.folder) == ({"id": "slug"}, tmp_path)
    assert (project.crawl.requests_per_second, project.placements["under-article"].limit) == (5.0, 6)
    assert project.limits == {"gate_overlap_min": 0.4}


def test_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff[limits]\nkeep = 3").limits == {"keep": 3}


def test_without_a_file_there_is_an_empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_project(None) == Project()
    (tmp_path / "seealso.toml").write_text('sections_left_out = ["X"]')
    assert read_project(None).sections_left_out == ["X"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[[source]\n", "is not TOML"),
        ('[[source]]\nkind = "telex"', "source.1: there is no kind 'telex'; there are 'jsonl'"),
        ('[[source]]\nkind = "jsonl"', "source.1.jsonl.path: field required"),
        (
            '[[source]]\nkind = "jsonl"\npath = "a"\npth = 1',
            "source.1.jsonl.pth: there is no such setting; did you mean path?",
        ),
        (
            '[[source]]\nkind = "csv"\npath = "a"\nfields = { headline = "title" }',
            "source.1.csv.fields: an article has no field 'headline'; it has id, title, body",
        ),
        ('[[source]]\nkind = "sitemap"\naddress = "courier.example"', "must be an http:// or https:// address"),
        ('[[source]]\nkind = "jsonl"\npath = "a"\ntimezone = "Dublin"', "timezone: must be a time zone such as"),
        ('[[source]]\nkind = "jsonl"\npath = "a"\n[block]\ntimezone = "EDT"', "timezone: must be a time zone such as"),
        ("[placements.Under]\nlimit = 6", "placements.Under"),
        ("[placements.under]\nlimit = 0", r"placements.under.limit: .* \(got 0\)"),
        ('[placements.under]\nlayout = "table"', "placements.under.layout: .* 'list', 'grid'"),
        ("[block]\nheading = 1", r"block.heading: .* \(got 1\)"),
        ('[block]\nrel = "NoFollow"', "block.rel: "),
        ('[block]\ndefault_image = "javascript:alert(1)"', "block.default_image: must be an absolute"),
        ('[block]\nutm_sauce = "x"', "block.utm_sauce: there is no such setting; did you mean utm_source?"),
        ('folder = "x"', "folder: paths begin"),
        ("sections = 1", "sections: there is no such setting"),
    ],
)
def test_what_means_nothing_is_named_by_its_place(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        read(tmp_path, content)


def test_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"none\.toml: cannot be read"):
        read_project(tmp_path / "none.toml")
    (tmp_path / "seealso.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        read_project(tmp_path / "seealso.toml")


def test_secrets_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = '[[source]]\nkind = "sql"\naddress = "postgresql://desk:${DESK_PASSWORD}@db/cms"\nquery = "select 1"'
    with pytest.raises(SettingsInvalid, match=r"\$\{DESK_PASSWORD\} is asked for, and the environment has no"):
        read(tmp_path, content)
    monkeypatch.setenv("DESK_PASSWORD", "s3cret")
    (entry,) = read(tmp_path, content).source
    assert isinstance(entry, SqlEntry)
    assert entry.address == "postgresql://desk:s3cret@db/cms"


def test_password_in_an_address_that_is_none_is_not_printed(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="address: must be an http") as raised:
        read(tmp_path, '[[source]]\nkind = "sitemap"\naddress = "ftp://desk:s3cret@courier.example/"')
    assert "s3cret" not in str(raised.value)


def test_what_blocks_have_is_read_without_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "seealso.toml"
    path.write_text(
        '[[source]]\nkind = "sql"\naddress = "${NOT_OF_THE_SERVICE}"\n[block]\nimages = true\nutm_source = "related"\n'
        '[block.section_images]\nSport = "https://a.example/s.jpg"'
    )
    wanted = BlockEntry(images=True, utm_source="related", section_images={"Sport": "https://a.example/s.jpg"})
    assert read_block(path) == wanted
