"""Numbers -> what people read: counts, shares, times and amounts of memory, as English writes them."""

# So that a number and its unit are not parted at a line's end.
NO_BREAK = "\u00a0"


def count_text(count: float) -> str:
    """Return a number with commas for thousands."""
    return f"{count:,}" if isinstance(count, int) else f"{count:,.2f}"


def share_text(share: float) -> str:
    """Return a share as a percentage with one decimal; what is more than none is not rounded to none."""
    if 0 < share < 0.0005:
        return f"<{NO_BREAK}0.1{NO_BREAK}%"
    return f"{share:.1%}".replace("%", f"{NO_BREAK}%").replace("-", "−")


def signed_text(change: int) -> str:
    """Return a change with its sign."""
    return f"{change:+,}".replace("-", "−") if change else "0"


def seconds_text(seconds: float) -> str:
    """Return a time in the units people say it in."""
    if seconds < 10:
        return f"{seconds:.1f}{NO_BREAK}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,}{NO_BREAK}h {minutes}{NO_BREAK}min"
    return f"{minutes}{NO_BREAK}min {rest}{NO_BREAK}s" if minutes else f"{rest}{NO_BREAK}s"


def memory_text(mebibytes: float) -> str:
    """Return an amount of memory."""
    if mebibytes >= 1024:
        return f"{mebibytes / 1024:,.1f}{NO_BREAK}GiB"
    return f"{mebibytes:,.0f}{NO_BREAK}MiB"


def plural(count: int, one: str, more: str = "") -> str:
    """Return a count and the word for what is counted; `more` is the plural that no s makes."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def cut_text(text: object, characters_max: int = 300) -> str:
    """Return a text of any length as one that fits a page, its end replaced by an ellipsis."""
    said = str(text)
    return said if len(said) <= characters_max else said[: characters_max - 2].rstrip() + " …"
