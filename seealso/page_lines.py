"""Lines that stand on article pages and are not the article: adverts, share bars, headings of related blocks."""

import re

_ADVERT = re.compile(
    r"(?:advertise?ment|advertising|sponsored content|ad|anzeige|werbung|publicité|publicidad|pubblicità)"
    r"(?:\s*[-–—:]?\s*(?:continue reading below|scroll to continue|story continues below.*))?",
    re.IGNORECASE,
)
_SHARE_WORDS = frozenset(
    {
        "x", "twitter", "linkedin", "facebook", "reddit", "email", "e-mail", "mail", "bluesky", "whatsapp", "telegram",
        "mastodon", "pinterest", "threads", "instagram", "messenger", "print", "share", "tweet", "copy", "link", "save",
        "this", "article", "on", "via", "and", "pocket", "flipboard", "tumblr", "xing", "teilen", "partager",
        "compartir",
    }
)  # fmt: skip
_SHARE_NAMES = _SHARE_WORDS - {"this", "article", "on", "via", "and", "x", "link", "copy", "save", "mail", "threads"}
_RELATED_HEADING = re.compile(
    r"(?:(?:related|recommended|similar|more)\s+(?:articles?|stories|posts?|content|news|reading|coverage|topics?)"
    r"|(?:read|see)\s+(?:also|more|next)|also\s+(?:read|on\s+.{1,40})|more\s+(?:on|from|like)\s+.{1,40}"
    r"|you\s+(?:may|might)\s+also\s+(?:like|be\s+interested\s+in)|recommended(?:\s+for\s+you)?|further\s+reading"
    r"|(?:most\s+(?:read|popular)|trending)(?:\s+now)?"
    r"|mehr\s+zum\s+thema|lesen\s+sie\s+auch|das\s+könnte\s+sie\s+auch\s+interessieren|verwandte\s+artikel"
    r"|à\s+lire\s+aussi|sur\s+le\s+même\s+sujet|articles?\s+liés|artículos\s+relacionados|leggi\s+anche)\s*:?",
    re.IGNORECASE,
)


def is_advert(line: str) -> bool:
    """Return whether a line only announces an advert."""
    return _ADVERT.fullmatch(line.strip()) is not None


def is_share_bar(line: str) -> bool:
    """Return whether a line holds nothing but names of places to share on."""
    words = [word.strip(",.|·:") for word in line.lower().split()]
    words = [word for word in words if word]
    return bool(words) and set(words) <= _SHARE_WORDS and bool(set(words) & _SHARE_NAMES)


def is_related_heading(line: str) -> bool:
    """Return whether a line is the heading of a block of related articles."""
    return len(line) <= 80 and _RELATED_HEADING.fullmatch(line.strip()) is not None
