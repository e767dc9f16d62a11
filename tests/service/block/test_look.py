from service.block.look import Look


def test_what_nobody_says_is_as_it_always_was() -> None:
    assert Look.of({}, {"layout": None}) == Look("list", 2, None, "auto", None, True)


def test_who_speaks_first_is_heard_and_no_is_something_said() -> None:
    asked = {"layout": "grid", "images": False, "limit": 3}
    assert Look.of(asked, {"layout": "list", "images": True, "heading": 3, "rel": "x"}) == Look("grid", 3, False)
