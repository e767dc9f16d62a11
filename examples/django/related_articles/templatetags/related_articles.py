"""{% related_articles ID limit=6 %}: the block under an article, from a Seealso service, within 800 ms."""

import time
from functools import cache as once
from hashlib import sha256
from typing import Any

from django import template
from django.conf import settings
from django.core.cache import cache
from django.utils.safestring import SafeString, mark_safe

try:
    from related_articles.client import Client, NoAnswer, Problem
except ImportError:
    from seealso.client import Client, NoAnswer, Problem

SECONDS_MAX = 0.8
FRESH_SECONDS, NOTHING_SECONDS, STALE_SECONDS = 300, 60, 86_400
# While the service fails, one page in so long waits for it, not each.
SILENT_SECONDS = 15
SILENT = "seealso:silent"
# Where an older block can be shown, one page waits for a new one, not each that comes meanwhile.
ASKING_SECONDS = 2
ASKING = "seealso:asking"

register = template.Library()


@once
def service() -> Client:
    """Return the service, as settings.py names it."""
    return Client(settings.SEEALSO["URL"], settings.SEEALSO.get("KEY"), seconds_max=SECONDS_MAX, tries=1)


@register.simple_tag
def related_articles(article_id: object, **look: Any) -> SafeString:
    """Return the block under an article; '' where nothing is to be shown."""
    return mark_safe(block(str(article_id), look))  # noqa: S308  the service escapes what comes from articles


def block(article_id: str, look: dict[str, Any]) -> str:
    """Return a block as it is kept or, if it is too old, as the service answers it."""
    name = f"seealso:{sha256(repr((article_id, sorted(look.items()))).encode()).hexdigest()}"
    html, until = cache.get(name) or ("", 0.0)
    if time.time() < until or cache.get(SILENT) or (not cache.add(ASKING, True, ASKING_SECONDS) and html):
        return html
    try:
        html, seconds = service().related_html(article_id, **look), FRESH_SECONDS
    except (NoAnswer, Problem) as failure:
        if not isinstance(failure, Problem) or failure.status >= 500 or failure.status == 429:
            cache.set(SILENT, True, SILENT_SECONDS)
            return html
        html, seconds = "", NOTHING_SECONDS  # taken down, or not known yet
    cache.delete(ASKING)
    cache.set(name, (html, time.time() + seconds), STALE_SECONDS)
    return html
