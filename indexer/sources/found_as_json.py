"""An article with its page's cards, as JSON and back: how sources remember what they gave on an earlier night."""

from dataclasses import asdict

import orjson

from indexer.sources.source import Found
from seealso.article import parse_time, read_article
from seealso.page import PageCard


def pack_found(found: Found) -> bytes:
    """Return what is remembered of an article that was found."""
    article = found.article.model_dump(exclude_none=True)
    return orjson.dumps({"article": article, "cards": [asdict(card) for card in found.cards]})


def unpack_found(content: bytes, where: str) -> Found:
    """Return the article that was packed. Raises InvalidArticle if this version would not take it in."""
    kept = orjson.loads(content)
    cards = (
        PageCard(**card | {"published": parse_time(card["published"]) if card["published"] else None})
        for card in kept["cards"]
    )
    return Found(read_article(kept["article"])[0], where, cards=tuple(cards))
