"""WordPress content -> the same without its shortcodes ([gallery ids="1,2"]) and the comments that mark its blocks.

Text in brackets that is no shortcode ([sic], [2]) stays. What HTML means is not known here.
"""

import re

# What stands between the tags of these is an address or a list, never text.
WITHOUT_CONTENT = frozenset(
    (
        "audio",
        "embed",
        "gallery",
        "googlemaps",
        "playlist",
        "soundcloud",
        "tweet",
        "twitter",
        "video",
        "vimeo",
        "youtube",
    )
)
# WordPress's own, and those of the plug-ins most sites have had at some time.
KNOWN = WITHOUT_CONTENT | {"caption", "wp_caption", "contact-form", "contact-form-7", "gravityform", "gist", "toc"}
KNOWN |= {"instagram", "slideshare", "jetpack_subscription_form", "recent_posts"}

_TAG = re.compile(
    r"\[(?P<escape>\[?)(?P<closing>/?)(?P<name>[A-Za-z][\w-]*)(?P<attributes>(?:\s[^\[\]]*)?)(?P<alone>/?)\](?P<escaped>\]?)"
)
_ATTRIBUTE = re.compile(r"""\s[\w-]+=["'\w“”″/#.-]""")
# WordPress writes '<', '>' and '--' in a block's settings as \\u003c and the like.
_BLOCK_COMMENT = re.compile(r"<!--\s*/?wp:[^<>]*-->")


def without_shortcodes(content: str) -> str:
    """Return content without shortcodes and block comments; [[an escaped one]] loses its outer brackets.

    A shortcode is a known one, or has attributes, or a closing tag. The text between its tags stays, but for those
    that hold an address.
    """
    content = _BLOCK_COMMENT.sub("", content)
    if "[" not in content:
        return content
    tags = list(_TAG.finditer(content))
    last_closing = {tag["name"]: tag.start() for tag in tags if tag["closing"]}
    opened: set[str] = set()
    kept: list[str] = []
    end = 0
    inside = None  # the shortcode whose content is being left out
    for tag in tags:
        name = tag["name"]
        if inside is not None:
            if tag["closing"] and name == inside:
                inside, end = None, tag.end("alone") + 1
            continue
        if tag["escape"] and tag["escaped"]:
            kept += content[end : tag.start()], tag[0][1:-1]
            end = tag.end()
            continue
        closed_later = last_closing.get(name, -1) > tag.start()
        if tag["closing"]:
            is_shortcode = name in KNOWN or name in opened
        else:
            alone = tag["alone"] or tag["attributes"].endswith("/")
            is_shortcode = bool(name in KNOWN or closed_later or alone or _ATTRIBUTE.search(tag["attributes"]))
            opened.add(name)
        if is_shortcode:
            kept.append(content[end : tag.start() + len(tag["escape"])])
            end = tag.end("alone") + 1
            if not tag["closing"] and closed_later and name in WITHOUT_CONTENT and not alone:
                inside = name
    kept.append(content[end:])
    return "".join(kept)
