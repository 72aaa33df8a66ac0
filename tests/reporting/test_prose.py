"""Templates become plain sentences: one a paragraph, values written by filters, and nothing missing in silence."""

from datetime import date

import pytest
from jinja2 import UndefinedError

from clv_experiments.reporting import prose

TEMPLATE = """
{% macro found(result, currency) %}
{{ result.customers|count("customer") }} spent
{{ result.total|money(currency) }} by {{ result.last|day }}.

{% if result.share > 0.5 %}
More than half, {{ result.share|share }}, came back.
{% endif %}

{{ ["a", "b"]|names }} did not, {{ interval(0.1|share, 0.2|share) }}.
{% endmacro %}
"""


@pytest.fixture
def template(tmp_path, monkeypatch):
    (tmp_path / "found.jinja").write_text(TEMPLATE)
    monkeypatch.setattr(prose, "TEMPLATES", tmp_path)
    prose.prose_environment.cache_clear()
    yield "found.jinja"
    prose.prose_environment.cache_clear()


def test_paragraphs_become_sentences_on_one_line(template):
    result = {"customers": 1200, "total": 5000.0, "last": date(2011, 11, 30), "share": 0.25}
    assert prose.render_paragraphs(template, "found", result, currency="£") == [
        "1,200 customers spent £5,000 by 30 November 2011.",
        "a and b did not, (95% interval 10% to 20%).",
    ]
    paragraphs = prose.render_paragraphs(template, "found", result | {"share": 0.75}, currency="£")
    assert paragraphs[1] == "More than half, 75%, came back."


def test_a_value_that_is_missing_is_an_error(template):
    with pytest.raises(UndefinedError, match="total"):
        prose.render_paragraphs(template, "found", {"customers": 1}, currency="£")


def test_text_from_a_log_is_not_marked_up_here(template):
    result = {"customers": 1, "total": 1.0, "last": date(2011, 1, 1), "share": 0.1}
    assert "<b>" in prose.render_paragraphs(template, "found", result, currency="<b>")[0]
