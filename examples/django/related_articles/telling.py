"""follow(Article, fields): what is saved and deleted of a model is told to a Seealso service, once it is committed.

Saving never fails by it, and waits two seconds at most, however many are saved at once: what does not arrive is logged,
and the next night reads it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete, post_save

try:
    from related_articles.client import Client, NoAnswer, Problem
except ImportError:
    from seealso.client import Client, NoAnswer, Problem

SECONDS_MAX = 2.0
# While the service does not answer, one in so long waits for it, not each of all that an editor changes at once.
UNTOLD_SECONDS = 15
UNTOLD = "seealso:untold"


def follow(model: type[Model], fields: Callable[[Any], Mapping[str, Any] | None]) -> None:
    """Tell of a model from now on. `fields` says what an article is, None of what nobody may read."""

    def saved(instance: Model, **_: object) -> None:
        transaction.on_commit(lambda: tell(str(instance.pk), fields(instance)), robust=True)

    def deleted(instance: Model, **_: object) -> None:
        article_id = str(instance.pk)  # which it has no more when all is committed
        transaction.on_commit(lambda: tell(article_id, None), robust=True)

    post_save.connect(saved, model, weak=False)
    post_delete.connect(deleted, model, weak=False)


def tell(article_id: str, fields: Mapping[str, Any] | None) -> None:
    """Tell the service what an article is, or that it is no more. Raises NoAnswer, Problem."""
    if cache.get(UNTOLD):
        raise NoAnswer(f"the service did not answer a moment ago, and was not told of {article_id}")
    try:
        _tell(article_id, fields)
    except NoAnswer:
        cache.set(UNTOLD, True, UNTOLD_SECONDS)
        raise


def _tell(article_id: str, fields: Mapping[str, Any] | None) -> None:
    with Client(settings.SEEALSO["URL"], settings.SEEALSO["INDEX_KEY"], seconds_max=SECONDS_MAX, tries=1) as service:
        if fields is not None:
            service.put(article_id, **fields)
            return
        try:
            service.delete(article_id, reason="not published any more")
        except Problem as problem:
            if problem.status != 404:  # it never was
                raise
