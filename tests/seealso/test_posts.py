"""Posts as content systems hand them over become articles."""

from typing import Any

import pytest

from seealso.article import InvalidArticle
from seealso.posts import article_of_post, ghost_fields, is_protected, wordpress_fields

WORDPRESS: dict[str, Any] = {
    "id": 42,
    "status": "publish",
    "link": "https://news.example/2026/tide/",
    "date_gmt": "2026-11-27T06:00:00",
    "modified_gmt": "2026-11-28T06:00:00",
    "title": {"rendered": "Tide &amp; time"},
    "excerpt": {"rendered": "<p>A summary.</p>", "protected": False},
    "content": {"rendered": "<p>One.</p><p>Two &lt;3.</p>", "protected": False},
    "_embedded": {
        "author": [{"name": "Ruth Okafor"}, {"name": "Ann"}],
        "wp:term": [
            [{"taxonomy": "category", "name": "News &amp; more"}],
            [{"taxonomy": "post_tag", "name": "tides"}],
        ],
        "wp:featuredmedia": [{"source_url": "https://news.example/tide.jpg"}],
    },
}
GHOST: dict[str, Any] = {
    "id": "67447438e61fb200012f48e0",
    "title": "Tide",
    "html": "<p>One.</p><p>Two.</p>",
    "plaintext": "One. Two.",
    "status": "published",
    "visibility": "public",
    "url": "https://news.example/tide/",
    "published_at": "2026-11-27T06:00:00.000Z",
    "updated_at": "2026-11-28T06:00:00.000Z",
    "custom_excerpt": None,
    "feature_image": "https://news.example/tide.jpg",
    "tags": [{"name": "#newsletter", "visibility": "internal"}, {"name": "News", "visibility": "public"}],
    "primary_tag": {"name": "News"},
    "authors": [{"name": "Ruth Okafor"}],
}


def test_a_post_of_wordpress() -> None:
    piece = article_of_post(wordpress_fields(WORDPRESS))
    assert (piece.id, piece.title, piece.summary, piece.body) == ("42", "Tide & time", "A summary.", "One.\n\nTwo <3.")
    assert (piece.section, piece.tags, piece.author) == ("News & more", ["tides"], "Ruth Okafor, Ann")
    assert piece.updated is not None
    assert piece.updated.isoformat() == "2026-11-28T06:00:00+00:00"
    assert piece.image == "https://news.example/tide.jpg"


def test_times_of_wordpress_in_utc_are_said_to_be() -> None:
    fields = wordpress_fields({**WORDPRESS, "modified_gmt": None, "modified": "2026-11-28T07:00:00"})
    assert (fields["published"], fields["updated"]) == ("2026-11-27T06:00:00Z", "2026-11-28T07:00:00")
    fields = wordpress_fields({**WORDPRESS, "date_gmt": "2026-11-27T06:00:00+00:00", "modified_gmt": "soon"})
    assert (fields["published"], fields["updated"]) == ("2026-11-27T06:00:00+00:00", "soon")


def test_a_post_with_many_authors_names_as_many_as_there_is_room_for() -> None:
    authors = [{"name": letter * 90} for letter in "abc"]
    named = f"{'a' * 90}, {'b' * 90}, …"
    assert article_of_post(wordpress_fields({**WORDPRESS, "_embedded": {"author": authors}})).author == named
    assert article_of_post(ghost_fields({**GHOST, "authors": authors})).author == named


def test_a_post_with_a_picture_that_is_none_has_none() -> None:
    assert article_of_post(ghost_fields({**GHOST, "feature_image": "/content/tide.jpg"})).image is None


def test_a_picture_of_wordpress_comes_with_its_sizes() -> None:
    def size(name: str, width: object, height: object) -> dict[str, object]:
        return {"source_url": f"https://news.example/{name}.jpg", "width": width, "height": height}

    sizes = {
        "l": size("l", 1024, 683),
        "m": size("m", 300, 200),
        "cut": size("cut", 150, 150),
        "odd": size("o", "x", 0),
    }
    details: dict[str, Any] = {"width": 1536, "height": 1024, "sizes": sizes}
    media = {"source_url": "https://news.example/tide.jpg", "alt_text": "A quay", "media_details": details}
    embedded = WORDPRESS["_embedded"] | {"wp:featuredmedia": [{"code": "rest_forbidden"}, media]}
    piece = article_of_post(wordpress_fields({**WORDPRESS, "_embedded": embedded}))
    assert (piece.image, piece.image_alt) == ("https://news.example/tide.jpg", "A quay")
    assert (piece.image_width, piece.image_height) == (1536, 1024)
    assert piece.image_srcset == "https://news.example/m.jpg 300w, https://news.example/l.jpg 1024w"
    details["sizes"], details["width"] = [], 0
    piece = article_of_post(wordpress_fields({**WORDPRESS, "_embedded": embedded}))
    assert (piece.image_width, piece.image_height, piece.image_srcset) == (None, None, None)


def test_a_post_of_ghost() -> None:
    piece = article_of_post(ghost_fields(GHOST))
    assert (piece.id, piece.title, piece.body) == (GHOST["id"], "Tide", "One.\n\nTwo.")
    assert (piece.section, piece.tags, piece.access) == ("News", ["News"], "public")
    plain = article_of_post(ghost_fields({**GHOST, "html": None}))
    assert plain.body == "One. Two."


def test_a_post_with_a_password_is_protected() -> None:
    assert not is_protected(WORDPRESS)
    assert is_protected({**WORDPRESS, "content": {"rendered": "", "protected": True}})


def test_what_is_wrong_in_a_post_is_named() -> None:
    with pytest.raises(InvalidArticle, match="title"):
        article_of_post(wordpress_fields({"id": 1}))
    with pytest.raises(InvalidArticle, match="url"):
        article_of_post(ghost_fields({**GHOST, "url": "javascript:alert(1)"}))
