import itertools

import pytest

from dango_action.errors import PRECEDENCE, ConfigError, ExitCode, Position, Problem, foremost


def test_no_code_at_all_is_success():
    assert foremost([]) is ExitCode.OK
    assert foremost([ExitCode.OK, ExitCode.OK]) is ExitCode.OK


@pytest.mark.parametrize(("first", "second"), list(itertools.pairwise(PRECEDENCE)))
def test_of_two_codes_the_one_that_the_documentation_names_first_wins(first, second):
    assert foremost([second, ExitCode.OK, first]) is first


def test_every_code_but_success_has_its_place_in_the_order():
    assert set(PRECEDENCE) == set(ExitCode) - {ExitCode.OK}


def test_a_problem_reads_as_place_then_fault_then_advice():
    problem = Problem(what="no such key", hint="remove it", at=Position(file="a.yml", line=3, column=5))

    assert str(problem) == "a.yml:3:5: no such key\n  remove it"


def test_an_error_says_all_of_its_problems():
    error = ConfigError(Problem(what="one", hint="1"), Problem(what="two", hint="2"))

    assert str(error) == "one\n  1\ntwo\n  2"
