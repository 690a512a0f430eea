import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.gotemplate import TemplateContext, TemplateError, render

# What Go 1.26's text/template makes of each template; null where Go refuses it.
GOLDEN = json.loads(Path(__file__).with_name("go_renders.json").read_text(encoding="utf-8"))
CONTEXT = TemplateContext.model_validate(GOLDEN["context"])
CASES: list[tuple[str, str | None]] = [(case[0], case[1]) for case in GOLDEN["cases"]]


@pytest.mark.parametrize(("template", "rendered"), [c for c in CASES if c[1] is not None])
def test_renders_as_go_does(template: str, rendered: str) -> None:
    assert render(template, CONTEXT) == rendered


@pytest.mark.parametrize("template", [template for template, out in CASES if out is None])
def test_refuses_what_go_refuses(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template, CONTEXT)


@pytest.mark.parametrize(
    "template",
    [
        "{{ range variables }}x{{ end }}",
        "{{ $x := name }}",
        "{{ . }}",
        '{{ printf "%d" name }}',
        '{{ printf "%s" }}',
        '{{ printf "x" name }}',
    ],
)
def test_refuses_what_go_renders_into_something_no_provider_can_read(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template, CONTEXT)


def test_an_error_names_its_place_and_text() -> None:
    with pytest.raises(TemplateError) as caught:
        render("sum(x)\n  / {{ nam }}", CONTEXT)
    assert (caught.value.line, caught.value.column) == (2, 8)
    assert "there is no function nam" in str(caught.value)
    assert "'nam }}'" in str(caught.value)


def test_a_missing_variable_says_which_there_are() -> None:
    with pytest.raises(TemplateError, match=r"no 'missing'; there are: a, dir, my-key, n, t_1"):
        render("{{ variables.missing }}", CONTEXT)


def test_a_name_with_a_dash_says_how_to_write_it() -> None:
    with pytest.raises(TemplateError, match='index variables "my-key"'):
        render("{{ variables.my-key }}", CONTEXT)


@pytest.mark.parametrize("nested", ["(" * 5000 + "name", "{{ if name }}{{" * 5000])
def test_deep_nesting_is_refused_and_not_a_crash(nested: str) -> None:
    with pytest.raises(TemplateError):
        render("{{" + nested, CONTEXT)


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_actions_is_itself(text: str) -> None:
    assert render(text, CONTEXT) == text


@given(st.text(), st.text())
def test_values_are_never_read_as_templates(before: str, value: str) -> None:
    before = before.replace("{", "")
    context = TemplateContext(variables={"k": value})
    assert render(before + "{{ variables.k }}", context) == before + value


_PARTS = (
    *("{{", "}}", "{{-", "-}}", " ", "name", "variables", ".a", "|", '"%s"', "(", ")", "if"),
    *("else", "end", "printf", "eq", "and", "index", "`", '"', "\\", "/*", "*/", "1", "-"),
)


@given(st.lists(st.sampled_from(_PARTS) | st.text(max_size=3), max_size=20).map("".join))
def test_any_text_is_rendered_or_refused_with_a_reason(template: str) -> None:
    with suppress(TemplateError):
        assert isinstance(render(template, CONTEXT), str)
