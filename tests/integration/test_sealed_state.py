"""What is kept is sealed where there is a key: nobody else reads it, and nobody else has written it."""

import pytest
from sealed_state import MINE, OTHER
from steps import Workflow, zip_of

from dango_action.credentials.keys import keep

SHOP = """
    import dlt

    @dlt.source
    def source(last: int = 3):
        @dlt.resource(write_disposition="append")
        def orders(at=dlt.sources.incremental("id", initial_value=0)):
            yield [{"id": i, "customer": "Ada Lovelace"} for i in range(at.last_value + 1, last + 1)]

        return orders
"""


@pytest.fixture
def workflow(project, github, tmp_path):
    project.module("shop", SHOP)
    project.sources("shop")
    return Workflow(project, github, tmp_path / "temp")


def run(workflow, *keys, **about):
    """Run on a machine of its own, with these keys."""
    workflow.forget()
    return workflow.run(secrets_key="\n".join(key.text() for key in keys), **about)


def newest(workflow):
    """Return the key id of the newest generation; its files' names if it is not sealed."""
    files = workflow.states()[-1].files()
    return files["state.sealed"][:24].split()[-1].decode() if files.keys() == {"state.sealed"} else set(files)


def test_with_a_key_state_is_sealed_and_the_next_run_needs_it(workflow):
    first = run(workflow, MINE)

    assert first.code == 0, first.out
    assert newest(workflow) == MINE.public.id
    assert first.result["state"]["sealed"] is True
    assert "It is sealed: only who has the private key" in first.summary
    assert first.outputs["state-compression"] == "0"
    assert first.notices == []

    assert run(workflow, MINE).outputs["rows-loaded"] == "0"
    for given, said in (((), "no key is given"), ((OTHER,), f"given: {OTHER.public.id}")):
        refused = run(workflow, *given)
        assert refused.code == 4
        assert f"sealed for the key {MINE.public.id}; {said}" in refused.errors[0]
        assert "gh secret set DANGO_SECRETS_KEY" in refused.errors[0]
        assert not workflow.project.warehouse.exists(), "nothing was loaded"
    assert len(workflow.states()) == 1


def test_a_key_is_rotated_without_losing_a_row(workflow):
    run(workflow, MINE)

    both = run(workflow, OTHER, MINE)
    assert both.code == 0, both.out
    assert (both.outputs["rows-loaded"], newest(workflow)) == ("0", OTHER.public.id), (
        "resealed, though nothing is new"
    )

    workflow.project.sources({"name": "shop", "kwargs": {"last": 5}})
    after = run(workflow, OTHER)
    assert after.outputs["rows-loaded"] == "2"
    assert after.result["state"]["restored"] == 2
    assert workflow.project.query("select count(*), count(distinct id) from raw_shop.orders") == [(5, 5)]


def test_a_key_that_comes_later_seals_what_was_not(workflow):
    first = run(workflow)
    assert first.code == 0
    assert newest(workflow) == {"manifest.json", "warehouse.duckdb"}
    assert any("kept unsealed, since there is no key" in notice for notice in first.notices)
    assert "dango secrets init | gh secret set DANGO_SECRETS_KEY" in first.summary

    second = run(workflow, MINE)
    assert second.code == 0, second.out
    assert any("generation 1 is not sealed; it was used" in notice for notice in second.notices)
    assert newest(workflow) == MINE.public.id
    third = run(workflow, MINE)
    assert (third.notices, third.outputs["state-generation"]) == ([], "2")


def test_a_public_repository_needs_a_key_or_the_word(workflow, github):
    github.private = github.repository.private = False

    refused = run(workflow)
    assert refused.code == 4
    assert "this repository is public" in refused.errors[0]
    assert "dango secrets init | gh secret set DANGO_SECRETS_KEY" in refused.errors[0]
    assert not workflow.project.warehouse.exists()
    assert workflow.states() == []

    assert run(workflow, MINE).code == 0
    assert newest(workflow) == MINE.public.id
    assert run(workflow, MINE, state="artifact unsealed").code == 0
    assert newest(workflow) == {"manifest.json", "warehouse.duckdb"}, "as asked"


def test_what_others_put_in_place_of_it_is_refused(workflow, github):
    run(workflow, MINE)
    [kept] = workflow.states()
    data = bytearray(kept.files()["state.sealed"])
    data[len(data) // 2] ^= 1
    kept.content, kept.digest = zip_of({"state.sealed": bytes(data)}), None

    refused = run(workflow, MINE)
    assert refused.code == 6
    assert "state.sealed is not what was sealed" in refused.errors[0]
    assert not workflow.project.warehouse.exists()

    another = Workflow(workflow.project, github, workflow.temp / "another", runs=50)
    run(another, MINE, shard="2")
    kept.content = workflow.states()[-1].content
    assert "its manifest is of another shard" in run(workflow, MINE).errors[0], (
        "sealed by the same key, for elsewhere"
    )


def test_a_sealed_warehouse_is_pulled_with_a_key_of_the_environment_or_one_that_was_kept(workflow, github):
    run(workflow, MINE)
    known = {"GITHUB_API_URL": github.api_url, "GH_TOKEN": github.token}
    arguments = ("pull", "--repository", github.full_name, "--workflow", "dango.yml", "--force")

    refused = workflow.project.dango(*arguments, **known)
    assert refused.code == 4
    assert f"sealed for the key {MINE.public.id}; no key is given" in refused.err
    assert f"set DANGO_SECRETS_KEY to it, or put it into {workflow.project.home}" in refused.err
    assert workflow.project.dango(*arguments, DANGO_SECRETS_KEY=MINE.text(), **known).code == 0
    keep(workflow.project.home / ".config/dango", MINE)
    done = workflow.project.dango(*arguments, DANGO_SECRETS_KEY=OTHER.text(), **known)
    assert done.code == 0, done.err
    assert "raw_shop.orders  3" in done.out
