"""What sealed secrets add to a run: 300 of them read and opened, imports included, beside other ways of keeping.

`python -P benchmarks/secrets.py --rounds 21`. Each contender is a whole process; they take turns, and the first
does only what every run does: it reads sources.yml. Times are milliseconds beyond that one's, in the same round:
of the clock, and of the processor, which is what to quote from a busy machine.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dango_action.credentials.document import SECRETS_FILE
from dango_action.credentials.keys import PrivateKey
from dango_action.credentials.sealed import seal

MOST = 150  # milliseconds

BASE = """
from pathlib import Path
from dango_action.config.parse import read as read_sources
from dango_action.credentials import document, keys, sealed
read_sources(Path("."))
"""
SEALED = f"""{BASE}
found = document.read(Path("."))
opened, problems = sealed.open_entries(found.entries, keys.KeyRing.of(Path("key").read_text()), found.entries)
assert len(opened) == COUNT and not problems
"""
PARSED = f"""{BASE}
assert len(document.read(Path(".")).entries) == COUNT
"""
# How dlt itself reads its secrets.toml.
TOML = f"""{BASE}
import tomlkit
assert len(tomlkit.parse(Path("secrets.toml").read_text())["sources"]) == COUNT
"""
# The whole document under one symmetric key: nobody could add a secret without being able to read all others.
SYMMETRIC = f"""{BASE}
import json
from cryptography.fernet import Fernet
assert len(json.loads(Fernet(Path("fernet.key").read_bytes()).decrypt(Path("fernet").read_bytes()))) == COUNT
"""
CONTENDERS = {
    "sources.yml alone": BASE,
    "sealed secrets, opened": SEALED,
    "sealed secrets, only parsed": PARSED,
    "secrets.toml in the clear, by tomlkit": TOML,
    "one Fernet token for all": SYMMETRIC,
}


def write(folder: Path, count: int) -> None:
    """Write the same secrets in every contender's way."""
    from cryptography.fernet import Fernet  # noqa: PLC0415 - it is one contender's

    key, now = PrivateKey.generate(), datetime.now(UTC)
    values = {("sources", f"shop_{number}", "api_key"): f"sk_live_{number:032}" for number in range(count)}
    lines = (f"  {'.'.join(path)}: {seal(value, path, key.public, now)}\n" for path, value in values.items())
    (folder / ".dango").mkdir()
    (folder / ".dango/sources.yml").write_text("sources: []\n")
    (folder / SECRETS_FILE).write_text(f"version: 1\nkey: {key.public.text}\nsecrets:\n{''.join(lines)}")
    (folder / "key").write_text(key.text())
    sections = (f'[sources.{path[1]}]\n{path[2]} = "{value}"\n' for path, value in values.items())
    (folder / "secrets.toml").write_text("".join(sections))
    symmetric = Fernet.generate_key()
    (folder / "fernet.key").write_bytes(symmetric)
    text = "{" + ",".join(f'"{".".join(path)}":"{value}"' for path, value in values.items()) + "}"
    (folder / "fernet").write_bytes(Fernet(symmetric).encrypt(text.encode()))


@dataclass(frozen=True)
class Taken:
    """Milliseconds that a process took."""

    clock: float
    processor: float


def run(program: str, folder: Path) -> Taken:
    """Run a program once and return how long its process took."""
    begun, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-P", "-c", program], cwd=folder, check=True)
    clock, now = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = now.ru_utime - used.ru_utime + now.ru_stime - used.ru_stime
    return Taken(clock * 1000, processor * 1000)


def added(taken: list[Taken], without: list[Taken]) -> Taken:
    """Return the medians of what came on top of the first contender, which ran in the same rounds."""
    pairs = list(zip(taken, without, strict=True))
    clock = statistics.median(one.clock - other.clock for one, other in pairs)
    return Taken(clock, statistics.median(one.processor - other.processor for one, other in pairs))


def main() -> None:
    """Measure everything, in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="counted rounds, after one that is not")
    parser.add_argument("--secrets", type=int, default=300)
    wish = parser.parse_args()
    times: dict[str, list[Taken]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), wish.secrets)
        for _ in range(wish.rounds + 1):
            for contender, program in CONTENDERS.items():
                times[contender].append(run(program.replace("COUNT", str(wish.secrets)), Path(name)))
    (name, base), *others = ((contender, taken[1:]) for contender, taken in times.items())
    alone = statistics.median(taken.clock for taken in base)
    print(f"{wish.secrets} secrets, {wish.rounds} rounds; {name}: median {alone:.0f} ms of the clock")
    own = added(others[0][1], base)
    for contender, taken in others:
        more = added(taken, base)
        verdict = f"target: under {MOST} ms, {'met' if own.clock < MOST else 'MISSED'}"
        ratio = f"{more.processor / own.processor:5.2f} x the first" if more != own else verdict
        print(
            f"  {contender:<38} adds {more.clock:6.1f} ms of the clock, {more.processor:6.1f} ms of CPU   {ratio}"
        )


if __name__ == "__main__":
    main()
