import pytest

from seealso.markup import line_of_markup, text_of_markup


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain\n\ntext, as it is", "plain\n\ntext, as it is"),
        ("<p>Fish &amp; <b>chi</b>ps<br>at sea</p><p>Next</p>tail", "Fish & chips at sea\n\nNext\n\ntail"),
        ("<ul><li>one<li>two</ul>", "one\n\ntwo"),
        ("a<script>b()</script> <style>i{}</style>c<!-- d --> <video>no</video>e", "a c e"),
        ("<figure><img alt='no'><figcaption>A boat.</figcaption></figure>After", "A boat.\n\nAfter"),
        ("x &lt; y and 3 < 4", "x < y and 3 < 4"),
        ("&nbsp;", ""),
        ("", ""),
        ("<p>unclosed <b>tags", "unclosed tags"),
        ("a \ud800 <i>b</i>", "a ? b"),
        ("<p>Own</p><div><section class='x seealso'><h2>R</h2><ul><li>b</ul></section></div><p>end", "Own\n\nend"),
        ("<p>Own</p><seealso-block article='1'><ul><li>b</ul></seealso-block>", "Own"),
        ("<section class='seealso-like'>Own</section><section class>too</section>", "Own\n\ntoo"),
        ("<html><head><title>no</title></head><body>yes</body></html>", "yes"),
    ],
)
def test_fragment_becomes_its_text(markup: str, text: str) -> None:
    assert text_of_markup(markup) == text


def test_line_has_no_breaks() -> None:
    assert line_of_markup("<p>One</p>\n<p>two</p>") == "One two"


def test_depth_and_size_are_no_matter() -> None:
    assert text_of_markup("<div>" * 10_000 + "deep" + "</div>" * 10_000 + "<p>end") == "deep\n\nend"
    assert text_of_markup("<p>word</p>" * 100_000).count("word") == 100_000
