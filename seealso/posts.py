"""Posts of content systems, as they hand them over in JSON -> the fields of an article.

A post that is sent to the service and one that a night reads become the same article, with the same id.
"""

import html
import re
from collections.abc import Mapping
from typing import Any

from seealso.article import PIXELS_MAX, SRCSET_CHARACTERS_MAX, Article, is_web, join_names, read_foreign_article
from seealso.markup import line_of_markup, text_of_markup

Post = Mapping[str, Any]
_WITHOUT_ZONE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")


def wordpress_fields(post: Post) -> dict[str, Any]:
    """Return an article's fields as a post of WordPress's REST interface has them; texts are HTML still."""
    terms = [term for group in _list_at(post, "_embedded", "wp:term") if isinstance(group, list) for term in group]
    categories = [_name_of(term) for term in terms if _at(term, "taxonomy") == "category"]
    tags = [_name_of(term) for term in terms if _at(term, "taxonomy") == "post_tag"]
    authors = [_name_of(author) for author in _list_at(post, "_embedded", "author")]
    media = _list_at(post, "_embedded", "wp:featuredmedia")
    return {
        "id": post["id"],
        "url": post.get("link"),
        "title": _at(post, "title", "rendered"),
        "summary": _at(post, "excerpt", "rendered"),
        "body": _at(post, "content", "rendered"),
        "published": _utc(post.get("date_gmt")) or post.get("date"),
        "updated": _utc(post.get("modified_gmt")) or post.get("modified"),
        "section": next((name for name in categories if name), None),
        "tags": [name for name in tags if name] or None,
        "author": join_names(authors),
        **next((picture for each in media if (picture := _picture(each))["image"]), _picture(None)),
        "language": post.get("lang") if isinstance(post.get("lang"), str) else None,  # as Polylang adds it
    }


def is_protected(post: Post) -> bool:
    """Return whether a post of WordPress's needs a password to be read."""
    return any(_at(post, name, "protected") is True for name in ("content", "excerpt"))


def ghost_fields(post: Post) -> dict[str, Any]:
    """Return an article's fields as a post in a message of Ghost's has them; the body is HTML still."""
    tags = [name for tag in _list_at(post, "tags") if _at(tag, "visibility") != "internal" and (name := _name_of(tag))]
    tags = [name for name in tags if not name.startswith("#")]
    primary = _name_of(post.get("primary_tag"))
    authors = [_name_of(author) for author in _list_at(post, "authors")]
    return {
        "id": post["id"],
        "url": post.get("url") or post.get("canonical_url"),
        "title": post.get("title"),
        "summary": post.get("custom_excerpt"),
        "body": post.get("html") if isinstance(post.get("html"), str) else post.get("plaintext"),
        "published": post.get("published_at"),
        "updated": post.get("updated_at"),
        "section": primary if primary in tags else next(iter(tags), None),
        "tags": tags or None,
        "author": join_names(authors),
        "image": post.get("feature_image"),
        "image_alt": post.get("feature_image_alt"),
        "language": post.get("locale"),
        "access": post.get("visibility"),
    }


def article_of_post(fields: Mapping[str, Any]) -> Article:
    """Return the article that a post's fields make. Raises InvalidArticle."""
    body, title, summary = fields.get("body"), fields.get("title"), fields.get("summary")
    told = {name: value for name, value in fields.items() if value not in (None, "")}
    told |= {"id": str(fields["id"]), "body": text_of_markup(body) if isinstance(body, str) else ""}
    for name, text in (("title", title), ("summary", summary)):
        if isinstance(text, str) and text:
            told[name] = line_of_markup(text)
    return read_foreign_article(told)[0]


def _utc(time: Any) -> Any:
    """Return a time in UTC with its zone, which WordPress does not write."""
    return f"{time}Z" if isinstance(time, str) and _WITHOUT_ZONE.fullmatch(time) else time


def _picture(media: Any) -> dict[str, Any]:
    """Return an article's fields on its picture, as WordPress embeds one; None where it says nothing of use."""
    details = _at(media, "media_details")
    pixels = {name: _at(details, name) for name in ("width", "height")}
    known = all(isinstance(each, int) and 0 < each <= PIXELS_MAX for each in pixels.values())
    sizes = _at(details, "sizes")
    widths = {
        width: url
        for size in (sizes.values() if isinstance(sizes, Mapping) else ())
        if isinstance(width := _at(size, "width"), int) and 0 < width <= PIXELS_MAX
        # A size that was cut to another shape is another picture.
        if known and _same_shape(size, pixels) and _is_srcset_url(url := _at(size, "source_url"))
    }
    srcset = ", ".join(f"{widths[width]} {width}w" for width in sorted(widths))
    url = _at(media, "source_url")
    return {
        "image": url if isinstance(url, str) and url else None,
        "image_alt": _at(media, "alt_text") or None,
        "image_width": pixels["width"] if known else None,
        "image_height": pixels["height"] if known else None,
        "image_srcset": srcset if len(widths) > 1 and len(srcset) <= SRCSET_CHARACTERS_MAX else None,
    }


def _same_shape(size: Any, pixels: Mapping[str, Any]) -> bool:
    height = _at(size, "height")
    if not isinstance(height, int) or height <= 0:
        return False
    return bool(abs(_at(size, "width") / height - pixels["width"] / pixels["height"]) < 0.02)


def _is_srcset_url(url: Any) -> bool:
    return is_web(url) and url.split() == [url]


def _at(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _list_at(value: Any, *path: str) -> list[Any]:
    found = _at(value, *path)
    return found if isinstance(found, list) else []


def _name_of(value: Any) -> str | None:
    name = _at(value, "name")
    return html.unescape(name).strip() if isinstance(name, str) else None
