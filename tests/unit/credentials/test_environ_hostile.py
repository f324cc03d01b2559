import enum
import json
import os
import time
from types import MappingProxyType

import pytest

from dango_action.credentials.environ import LARGEST, variables
from dango_action.errors import Position

CPU_SECONDS = 3  # far more than it takes on a slow machine, and far less than anything that is not linear


def quickly(values, places=None):
    start = time.process_time()
    result = variables(values, places or {})
    assert time.process_time() - start < CPU_SECONDS
    return result


def at(line):
    return Position(file="f", line=line, column=1)


def nested(depth, leaf, wrap):
    for _ in range(depth):
        leaf = wrap(leaf)
    return leaf


def test_ten_thousand_values_in_one_mapping():
    found, problems = quickly({("sources", "s", "a", f"k{n}"): n for n in range(10_000)})

    assert problems == []
    assert len(found) == 10_000  # their JSON is too large


def test_ten_thousand_values_that_are_all_wrong():
    values = {("sources", "s", f"k{n}"): None for n in range(10_000)}
    found, problems = quickly(values, {path: at(n) for n, path in enumerate(values, start=1)})

    assert found == []
    assert [problem.at.line for problem in problems] == list(range(1, 10_001))


def test_ten_thousand_values_with_one_name():
    names = [f"{n:014b}".translate({48: "a", 49: "A"}) for n in range(10_000)]
    values = {("sources", "s", name): 1 for name in names}
    found, problems = quickly(values, {path: at(n) for n, path in enumerate(values, start=1)})

    assert found == []
    assert len(problems) == 1
    assert "and 9995 more are one variable" in problems[0].what


def test_ten_thousand_pairs_of_mappings_with_one_name():
    values = {("sources", "s", name, "k"): 1 for n in range(10_000) for name in (f"a{n}", f"A{n}")}
    found, problems = quickly(values, {path: at(n) for n, path in enumerate(values, start=1)})

    assert found == []
    assert len(problems) == 10_000


def test_ten_thousand_values_below_one_that_is_in_the_way():
    found, problems = quickly(
        {("sources", "s", "a"): 1} | {("sources", "s", "a", f"k{n}"): 1 for n in range(10_000)}
    )

    assert [variable.text for variable in found] == ["1"]
    assert len(problems) == 1


@pytest.mark.parametrize("depth", [65, 1_000, 100_000])
def test_mappings_and_lists_that_are_nested_too_deep_are_problems(depth):
    values = {
        ("sources", "s", "a"): nested(depth, 1, lambda below: {"k": below}),
        ("sources", "s", "b"): nested(depth, 1, lambda below: [below]),
        ("sources", "s", "c"): nested(depth, {}, lambda below: [{"k": below}]),
        ("sources", *["k"] * depth): 1,
    }
    found, problems = quickly(values)

    assert found == []
    assert len(problems) == 4
    assert all("level" in problem.what for problem in problems)
    assert all(len(str(problem)) < 500 for problem in problems)


def test_sixty_levels_are_not_too_deep():
    value = nested(60, [1], lambda below: {"k": below})
    found, problems = quickly({("sources", "s", "a"): value, ("sources", "s", "b"): nested(60, 1, lambda x: [x])})

    assert problems == []
    assert json.loads(next(v.text for v in found if v.name == "SOURCES__S__A")) == value
    assert len(found) == 62


def test_a_large_text_that_is_nested_deep_is_written_once_for_each_level_and_no_more():
    found, problems = quickly({("sources", "s", "a"): nested(60, "x" * 95 * 1024, lambda below: {"k": below})})

    assert problems == []
    assert sum(len(variable.text) for variable in found) < 62 * LARGEST


def test_a_text_of_97_kib_is_a_problem_with_any_width_of_characters():
    for char in ("x", "é", "€", "😀"):
        count = 97 * 1024 // len(char.encode())
        [only] = quickly({("K",): char * count})[1]

        assert "96 KiB" in only.what
        assert char * 3 not in str(only)


def test_every_variable_of_the_largest_size_can_be_handed_to_a_process():
    name = "N" * 4000
    [variable], problems = variables({(name,): "x" * LARGEST})
    read, write = os.pipe()
    environ = {variable.name: variable.text}
    pid = os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", f'printf %s "${{#{name}}}"'],
        environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)],
    )
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read, "rb") as out:
        assert out.read() == str(LARGEST).encode()
    assert problems == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("stra\u00dfe", "strasse"),
        ("\u0131d", "id"),  # Turkish dotless i
        ("\u017ftate", "state"),  # long s
        ("\ufb01le", "file"),  # a ligature
        ("\u0149a", "\u02bcna"),
        ("\u00b5", "\u03bc"),  # micro and mu
    ],
)
def test_letters_whose_capitals_are_the_same_are_one_name(first, second):
    found, [only] = variables({("sources", "s", first): 1, ("sources", "s", second): 2})

    assert found == []
    assert "one variable" in only.what


def test_composed_and_decomposed_letters_are_two_names_as_they_are_for_dlt():
    found, problems = variables({("sources", "s", "\u00e9"): 1, ("sources", "s", "e\u0301"): 2})

    assert problems == []
    assert [variable.name for variable in found] == ["SOURCES__S__\u00c9", "SOURCES__S__E\u0301"]


@pytest.mark.parametrize("half", ["\ud800", "a\udcc3\udca9"])
def test_half_of_a_surrogate_pair_is_a_problem_also_where_python_would_write_it_as_a_byte(half):
    for value in (half, [half], [{half: 1}], {half: 1}, {"a": half}):
        found, problems = variables({("sources", "s", "k"): value})

        assert found == []
        assert len(problems) == 1
        str(problems[0]).encode()


def test_a_name_can_carry_no_command_into_a_log():
    name = "a\n::add-mask::x\r\x1b[31m\u2028"
    _, [only] = variables({("sources", "s", name): None})

    assert str(only).isprintable() or "\n  " in str(only)
    assert "\n::" not in str(only)
    assert "\x1b" not in str(only)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "=",
        "a=b",
        "\0",
        "__",
        "_",
        ".",
        "-",
        "'",
        '"',
        "$(id)",
        "PATH",
        "0",
        "\u200b",
        "é" * 2000,
        "K" * 5000,
    ],
)
def test_any_name_is_a_variable_that_the_system_takes_or_a_problem(name, monkeypatch):
    for path in ((name,), (name, "k"), ("sources", "s", name), ("sources", "s", "credentials", name)):
        found, problems = variables({path: "x"})

        assert len(found) + len(problems) == 1
        for variable in found:
            with monkeypatch.context() as patch:
                patch.setenv(variable.name, variable.text)
                assert os.environb[variable.name.encode()] == b"x"


def test_subclasses_of_plain_types_are_what_they_derive_from():
    class Text(str):
        __slots__ = ()

    class Number(enum.IntEnum):
        ONE = 1

    found, problems = variables(
        {
            ("sources", "s", Text("a")): MappingProxyType({Text("b"): Text("c"), "d": [Number.ONE, Text("e")]}),
        }
    )

    assert problems == []
    assert {variable.name: variable.text for variable in found} == {
        "SOURCES__S__A": '{"b":"c","d":[1,"e"]}',
        "SOURCES__S__A__B": "c",
        "SOURCES__S__A__D": '[1,"e"]',
    }


def test_no_problem_shows_a_value():
    secret = "hunter2"
    wrong = [
        f"{secret}\0",
        f"{secret}\ud800",
        [secret, b""],
        secret * LARGEST,
        {secret},
        (secret,),
        secret.encode,
        [{1: secret}],
    ]
    values = {("sources", "s", f"k{n}"): value for n, value in enumerate(wrong)}
    values |= {("sources", "s", "x"): secret, ("sources", "s", "X"): secret, ("sources", "s", "x", "y"): secret}
    _, problems = variables(values)

    assert len(problems) == len(wrong) + 2
    assert secret not in "\n".join(map(str, problems)) + repr(problems)
