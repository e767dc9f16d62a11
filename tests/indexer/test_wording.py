from indexer.wording import cut_text, memory_text, plural, seconds_text, share_text, signed_text


def test_numbers_are_said_as_people_read_them() -> None:
    assert [share_text(share) for share in (0.0, 0.0001, 0.5, 1.0008)] == [
        "0.0\u00a0%",
        "<\u00a00.1\u00a0%",
        "50.0\u00a0%",
        "100.1\u00a0%",
    ]
    assert [seconds_text(seconds).replace("\u00a0", " ") for seconds in (0.04, 9.96, 59.6, 3725, 90_000)] == [
        "0.0 s",
        "10.0 s",
        "1 min 0 s",
        "1 h 2 min",
        "25 h 0 min",
    ]
    assert [memory_text(each).replace("\u00a0", " ") for each in (210, 1320)] == ["210 MiB", "1.3 GiB"]
    assert [signed_text(change) for change in (-1200, 0, 4)] == ["−1,200", "0", "+4"]
    assert [plural(1, "story", "stories"), plural(2000, "story", "stories")] == ["1 story", "2,000 stories"]
    assert cut_text("x" * 301) == "x" * 298 + " …"
