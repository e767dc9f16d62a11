"""When two articles tell one event: the rule by which nights make stories, and by which a new article joins one."""

from seealso.article import primary_language

# Two desks on one event share hardly a sentence, but most names and numbers, within two days; later there is more to
# tell. What they say of it makes a story: pairs of the sample newsroom have (cosine, terms) of 0.71 and 0.29 or more,
# the likest others of whatever dates, a decision and its explainer, 0.72 and 0.22.
EVENT_COSINE = 0.7
EVENT_TERMS = 0.25
EVENT_DAYS = 2


def tell_one_event(days: float, cosine: float, terms: float, language: str | None, other: str | None) -> bool:
    """Return whether two articles tell the same, as no third one need confirm.

    `days`: between them, not a number if that is not known; `cosine`: of their vectors; `terms`: how much of their
    terms they share (the cosine of their term vectors).
    """
    same_language = primary_language(language) == primary_language(other)
    return same_language and days <= EVENT_DAYS and cosine >= EVENT_COSINE and terms >= EVENT_TERMS


def are_numbers_of_a_series(title: str, other: str) -> bool:
    """Return whether two titles differ by names in the same places only: 'Weather for Monday' and '... for Tuesday'.

    A number may differ as well, but not alone: it is what an update changes.
    """
    ours, theirs = title.split(), other.split()
    if len(ours) != len(theirs):
        return False
    changed = [(one, two) for one, two in zip(ours, theirs, strict=True) if one.casefold() != two.casefold()]
    names = sum(one[0].isupper() and two[0].isupper() for one, two in changed)
    numbers = sum(one[0].isdigit() and two[0].isdigit() for one, two in changed)
    return names > 0 and names + numbers == len(changed) <= len(ours) / 2
