"""The real command, and what it came to."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

DANGO = Path(sys.executable).with_name("dango")


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def document(self):
        return json.loads(self.out)

    def source(self, name):
        return next(source for source in self.document["sources"] if source["name"] == name)
