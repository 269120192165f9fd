"""Templates: what is unknown is an error, and what is shown is shown as it is."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from rdverify.tools.templates import environment


def test_an_unknown_name_is_an_error_and_a_value_is_shown_as_it_is() -> None:
    plain = environment("rdverify.report")
    assert plain.from_string("{{ x }}").render(x="a < {{ y }}") == "a < {{ y }}"
    with pytest.raises(UndefinedError):
        plain.from_string("{{ x }}").render()
    escaped = environment("rdverify.report", autoescape=True)
    assert escaped.from_string("{{ x }}").render(x="a < b") == "a &lt; b"


def test_a_tag_s_line_leaves_no_trace() -> None:
    text = "a\n  {% if true %}\n  b\n  {% endif %}\nc"
    assert environment("rdverify.report").from_string(text).render() == "a\n  b\nc"
