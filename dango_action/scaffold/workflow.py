"""A workflow that uses the Action: what `dango init` writes, and the examples to copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dango_action.scaffold.scalars import scalar
from dango_action.scaffold.triggers import INPUTS, pull_request, schedule, workflow_dispatch

if TYPE_CHECKING:
    from collections.abc import Iterator

ACTION = "getdango/dango-action@v0"
"""What workflows name in `uses:`; init, examples and documentation take it from here."""

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"

_CHECKED_IN_TURN = "${{ github.workflow }}-${{ github.ref }}"
_LOADED_IN_TURN = "${{ github.workflow }}-load"
_EITHER = "${{ github.workflow }}-${{ github.event_name == 'pull_request' && github.ref || 'load' }}"

_KEY = "${{ secrets.DANGO_SECRETS_KEY }}"
_KEY_IF_IT_LOADS = "${{ github.event_name != 'pull_request' && secrets.DANGO_SECRETS_KEY || '' }}"
_PUBLIC = """\
      # The warehouse is kept between runs as an artifact, which anybody may download if the repository is
      # public. With a key it is sealed. Without one a public repository is refused, unless it sets `state: none`
      # (each run begins anew) or, if everybody may see the data, `state: artifact unsealed`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """The parts of a workflow. None of a trigger's part means that nothing starts it that way.

    `folder` is the project's, from the top of the repository, or "" if it is the top; `file` is the workflow's own
    path from there. Both are `writable`. `secrets` are the names of variables for the sources.
    """

    name: str
    file: str
    header: str
    minute: int | None = None
    choices: tuple[str, ...] | None = None
    checks: bool = False
    folder: str = ""
    secrets: tuple[str, ...] = ()

    @property
    def loads(self) -> bool:
        """Whether it loads anything, and so needs the state of the run before."""
        return self.minute is not None or self.choices is not None

    @property
    def text(self) -> str:
        """The file."""
        return "".join(
            (
                *(f"# {line}".rstrip() + "\n" for line in self.header.splitlines()),
                f"name: {scalar(self.name)}\n\non:\n",
                schedule(self.minute) if self.minute is not None else "",
                workflow_dispatch(self.choices) if self.choices is not None else "",
                pull_request(self.folder, self.file) if self.checks else "",
                "\n# Each job says what it needs.\npermissions: {}\n\n",
                *self._concurrency(),
                "\njobs:\n",
                *self._job(),
            )
        )

    def _concurrency(self) -> Iterator[str]:
        yield "concurrency:\n"
        if self.loads:
            yield "  # One load at a time. One more waits; a third takes its place, unless you add `queue: max`.\n"
        if self.checks:
            yield "  # The checks of a pull request wait for each other only.\n"
        group = _EITHER if self.loads and self.checks else _LOADED_IN_TURN if self.loads else _CHECKED_IN_TURN
        yield f"  group: {group}\n  cancel-in-progress: false\n"

    def _job(self) -> Iterator[str]:
        yield "  dango:\n    name: dango\n    runs-on: ubuntu-latest\n"
        yield f"    timeout-minutes: {90 if self.loads else 15}\n"
        yield "    permissions:\n      contents: read # to check out the project\n"
        if self.loads:
            yield "      actions: read # to find the warehouse that the last run has left\n"
        yield f"    steps:\n      - uses: {CHECKOUT}\n        with:\n"
        yield "          persist-credentials: false # no later step needs to push\n\n"
        yield from self._step()

    def _step(self) -> Iterator[str]:
        if self.loads:
            yield _PUBLIC
        yield f"      - uses: {ACTION}\n"
        given = {"working-directory": scalar(self.folder)} if self.folder else {}
        given |= INPUTS if self.choices is not None else {}
        if given or self.loads:
            yield "        with:\n"
        yield from (f"          {name}: {value}\n" for name, value in given.items())
        if self.loads:
            yield '          deadline-minutes: "80" # before the end of the job: what is loaded by then is kept\n'
            yield "          # It opens sealed secrets: dango secrets init | gh secret set DANGO_SECRETS_KEY\n"
            yield f"          secrets-key: {_KEY_IF_IT_LOADS if self.checks else _KEY}\n"
            yield "        # Secrets that are not sealed: a line for each, with a secret of the repository.\n"
            mark = "" if self.secrets else "# "
            yield f"        {mark}env:\n"
            names = self.secrets or ("SOURCES__SHOP__API_KEY",)
            yield from (f"        {mark}  {name}: ${{{{ secrets.{name} }}}}\n" for name in names)
