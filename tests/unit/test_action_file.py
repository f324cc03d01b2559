"""What has to hold for `action.yml`, and that each part of it is really looked at."""

import re
from pathlib import Path

import pytest
import yaml

from dango_action.environment import PREFIX
from dango_action.inputs import INPUTS

TEXT = (Path(__file__).parents[2] / "action.yml").read_text()
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


def flaws(text):
    """Return the sentences that do not hold for an action.yml."""
    action = yaml.safe_load(text)
    steps = action["runs"]["steps"]
    run = next((step for step in steps if step.get("id") == "run"), {"env": {}, "run": ""})
    passed = {name: value for name, value in run["env"].items() if name.startswith(PREFIX)}
    expected = {f"{PREFIX}{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}" for name in INPUTS}
    uploads = [step for step in steps if "upload-artifact" in step.get("uses", "")]
    sentences = {
        "every input is known to the process": tuple(action["inputs"]) == INPUTS,
        "every input reaches the process under its own name": passed == expected,
        "no script holds an expression": not any("${{" in step.get("run", "") for step in steps),
        "every action is pinned by its commit": all(
            PINNED.fullmatch(step["uses"]) for step in steps if "uses" in step
        ),
        "every pin says which release it is": len(re.findall(r"uses: \S+ # v\d+\.\d+\.\d+$", text, re.MULTILINE))
        == text.count("uses:"),
        "what is uploaded is uploaded on failure, too": len(uploads) == 3
        and all(step["if"].startswith("${{ always() &&") for step in uploads),
        "a failed upload is told apart from the sync": all(step.get("continue-on-error") for step in uploads)
        and steps[-1].get("id") == "uploads",
        "state goes up before the report": [step["with"]["name"] for step in uploads]
        == [*["${{ steps.run.outputs.state-name }}"] * 2, "${{ steps.run.outputs.report-name }}"],
        "the second try differs from the first in nothing but that it may overwrite": uploads[1:2]
        and uploads[1]["with"] == {**uploads[0]["with"], "overwrite": True},
        "the process takes the place of its shell": run["run"].startswith(
            'exec "$DANGO_FOLDER/env/bin/python" -B -E -P -u -m'
        )
        and text.count('run: exec "$DANGO_FOLDER/env/bin/python" -B -E -P ') == text.count("run: exec") == 4,
        "the user's Python stays as it was": steps[0]["with"].get("update-environment") is False,
        "nothing is installed without a hash": text.count("--require-hashes") == 2
        and text.count("--build-constraint") == 1,
        "nothing is cached": not re.search(r"\bcache:|actions/cache|CACHE_DIR", text),
        "every output comes from the process": all(
            output["value"] == f"${{{{ {' || '.join(f'steps.{step}.outputs.{name}' for step in steps_)} }}}}"
            for name, output in action["outputs"].items()
            for steps_ in [
                {"state-uploaded": ["uploads", "run"], "status": ["run", "requirements"]}.get(name, ["run"])
            ]
        ),
        "packages of the user's come after our own, and before the run": [step.get("id") for step in steps[:4]]
        == ["python", "install", "requirements", "run"],
        "what installs them gets no secret of the inputs": "secret" not in str(steps[2]) + str(steps[1])
        and "token" not in str(steps[2]) + str(steps[1]),
        "it has no logic": len(text.splitlines()) < 150 and "  if [" not in text,
        "the marketplace can show it": {"name", "description", "author", "branding"} <= action.keys(),
    }
    return [sentence for sentence, holds in sentences.items() if not holds]


def test_the_action_has_no_flaw():
    assert flaws(TEXT) == []


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "        DANGO_INPUT_LIMIT: ${{ inputs.limit }}\n",
            "",
            "every input reaches the process under its own name",
        ),
        ("inputs.exclude }}", "inputs.sources }}", "every input reaches the process under its own name"),
        (
            "  limit: {",
            '  more: {description: "?"}\n  limit: {',
            "every input is known to the process",
        ),
        ('"$DANGO_FOLDER/env', '"${{ inputs.python }}/env', "no script holds an expression"),
        ('echo "folder=', 'echo "${{ github.head_ref }}folder=', "no script holds an expression"),
        (
            "upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
            "upload-artifact@v7",
            "every action is pinned by its commit",
        ),
        (" # v7.0.0\n      with:\n        python", "\n      with:\n        python", "every pin says which release it is"),
        ("always() && steps.run.outputs.state", "steps.run.outputs.state", "what is uploaded is uploaded on failure, too"),
        ("      continue-on-error: true\n", "", "a failed upload is told apart from the sync"),
        (
            "        overwrite: true\n",
            "",
            "the second try differs from the first in nothing but that it may overwrite",
        ),
        ('exec "$', 'env "$', "the process takes the place of its shell"),
        (
            "        DANGO_INPUT_DRY_RUN",
            "        DANGO_INPUT_SECRETS_KEY: ${{ inputs.secrets-key }}\n        DANGO_INPUT_DRY_RUN",
            "what installs them gets no secret of the inputs",
        ),
        ("- id: requirements", "- id: later", "packages of the user's come after our own, and before the run"),
        (" -P", "", "the process takes the place of its shell"),
        ("update-environment: false", "update-environment: true", "the user's Python stays as it was"),
        (" --require-hashes --requirement", " --requirement", "nothing is installed without a hash"),
        ("update-environment", "cache: pip\n        update-environment", "nothing is cached"),
        ("outputs.rows-loaded", "outputs.rows", "every output comes from the process"),
    ],
)  # fmt: skip
def test_a_mutation_of_it_is_noticed(old, new, sentence):
    assert old in TEXT
    assert sentence in flaws(TEXT.replace(old, new, 1))
