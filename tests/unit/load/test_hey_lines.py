import shlex
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.load.options import LoadOptions, LoadOptionsError, is_hey, parse_hey


def test_a_hook_line_of_the_flagger_documentation_is_read() -> None:
    options = parse_hey("hey -z 1m30s -q 10 -c 2 -H 'Cookie: a=b; c=d' http://shop-canary.test:80/")
    assert options.duration == 90
    assert options.asked_rate == 20
    assert options.headers == (("Cookie", "a=b; c=d"),)


def test_defaults_are_those_of_hey() -> None:
    options = parse_hey("hey http://shop.test")
    assert (options.requests, options.workers, options.timeout) == (200, 50, 20)
    assert options.asked_rate is None
    assert options.duration is None
    assert options.method == "GET"


@pytest.mark.parametrize(
    "line",
    [
        "hey -n=7 http://shop.test",
        "hey --n 7 http://shop.test",
        "hey \\\n  -n 7 \\\n  http://shop.test",
        "/usr/bin/hey -n 7 'http://shop.test'",
    ],
)
def test_every_way_to_write_an_option_is_read(line: str) -> None:
    assert is_hey(line)
    assert parse_hey(line) == LoadOptions(url="http://shop.test", requests=7)


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("hey -h2 http://shop.test", "-h2"),
        ("hey -disable-keepalive http://shop.test", "-disable-keepalive"),
        ("hey -z soon http://shop.test", "-z"),
        ("hey -c 0 http://shop.test", "-c"),
        ("hey -q -1 http://shop.test", "-q"),
        ("hey -n many http://shop.test", "-n"),
        ("hey -H Cookie http://shop.test", "-H"),
        ("hey -o xml http://shop.test", "-o"),
        ("hey -n", "-n"),
        ("hey -n 5", "url"),
        ("hey shop.test", "url"),
        ("hey http://[shop", "url"),
        ("hey http://shop.test -z 1m", "url"),
        ("hey http://shop.test | tee out", "command"),
        ("hey http://shop.test?a=1&b=2", "command"),
        ('hey "http://$HOST/"', "command"),
        ("hey http://a.test\nhey http://b.test", "command"),
        ("hey 'http://shop.test", "command"),
        ("wrk http://shop.test", "command"),
    ],
)
def test_what_cannot_be_run_is_refused_by_its_name(line: str, option: str) -> None:
    with pytest.raises(LoadOptionsError) as refused:
        parse_hey(line)
    assert refused.value.option == option


def test_quotes_hide_what_a_shell_would_act_upon() -> None:
    options = parse_hey("""hey -d '{"price": "$5"}' "http://shop.test/?a=1&b=2;c" """)
    assert options.body == '{"price": "$5"}'
    assert options.url == "http://shop.test/?a=1&b=2;c"


@pytest.mark.parametrize("command", ["heyday", "they http://shop.test", "curl hey", ""])
def test_other_programs_are_not_taken_for_hey(command: str) -> None:
    assert not is_hey(command)


_words = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1).map(str.strip)


@given(
    requests=st.integers(1, 10**6),
    workers=st.integers(1, 1000),
    rate=st.floats(0, 1e5),
    seconds=st.none() | st.integers(1, 10**5),
    body=st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
    header=st.none() | _words.filter(bool),
)
def test_options_written_as_a_hey_line_are_read_back(
    requests: int, workers: int, rate: float, seconds: int | None, body: str, header: str | None
) -> None:
    words = ["hey", "-n", str(requests), "-c", str(workers), "-q", repr(rate), "-d", body]
    words += [] if seconds is None else ["-z", f"{seconds}s"]
    words += [] if header is None else ["-H", f"X-Test: {header}"]
    expected = LoadOptions(
        url="http://shop.test/",
        requests=requests,
        workers=workers,
        rate=rate,
        duration=seconds,
        body=body,
        headers=() if header is None else (("X-Test", header),),
    )
    assert parse_hey(shlex.join([*words, "http://shop.test/"])) == expected


@given(st.text())
def test_any_text_is_either_read_or_refused(text: str) -> None:
    with suppress(LoadOptionsError):
        assert parse_hey(f"hey {text}").url in text
