import pytest

from indexer.sources.shortcodes import without_shortcodes


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('Before [gallery ids="1,2"] after', "Before  after"),
        (
            '[caption id="attachment_1" align="left"]<img src="a.jpg" /> The moon[/caption]',
            '<img src="a.jpg" /> The moon',
        ),
        ("A [embed]https://example.org/v[/embed] B", "A  B"),
        ('A [embed width="1"]https://example.org/v[/embed] B [embed]x[/embed] C', "A  B  C"),
        ('[video mp4="a.mp4"][/video]Text', "Text"),
        ('Shown: [[gallery ids="1"]]', 'Shown: [gallery ids="1"]'),
        ("[quote]Words[/quote] stay", "Words stay"),
        ("[my_ad slot='top'/] Text [other/]", " Text "),
        ('[outer a="1"][inner b=2]Text[/inner][/outer]', "Text"),
        ("[gallery] without a closing tag", " without a closing tag"),
    ],
)
def test_shortcodes_go_and_the_text_between_their_tags_stays(content: str, text: str) -> None:
    assert without_shortcodes(content) == text


@pytest.mark.parametrize(
    "text",
    [
        "He wrote 'teh' [sic] twice [2].",
        "[Editor's note: see below] and [emphasis added]",
        "An array a[i] and b[0] and [x]",
        "[ gallery ] [/] [] [[ ]] [ [",
        "a [/b] c",
        "[to be continued]",
    ],
)
def test_text_in_brackets_stays(text: str) -> None:
    assert without_shortcodes(text) == text


def test_block_comments_go_and_other_comments_stay() -> None:
    content = (
        '<!-- wp:heading {"level":3,"x":"\\u003e"} -->\n<h3>T</h3>\n<!-- /wp:heading --><!-- wp:more --><!--more-->'
    )
    assert without_shortcodes(content) == "\n<h3>T</h3>\n<!--more-->"


@pytest.mark.parametrize("piece", ["[embed]", "[", "[[", "[a ", "<!-- wp:", "[/embed]", "[a b=", "[x][/x]", "[a\n"])
def test_any_repetition_of_5_mb_is_read_once(piece: str) -> None:
    content = piece * (5_000_000 // len(piece))
    assert len(without_shortcodes(content)) <= len(content)
