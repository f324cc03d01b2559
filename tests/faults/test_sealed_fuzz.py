"""Documents of sealed secrets as an attacker, a merge or a bad disk may leave them."""

import random
from datetime import UTC, datetime

from dango_action.credentials.document import parse
from dango_action.credentials.edit import Changes, edit
from dango_action.credentials.keys import KeyRing, PrivateKey
from dango_action.credentials.sealed import open_entries, seal
from dango_action.errors import CredentialsError, Problem

ROUNDS = 10_000
KEY, OTHER = PrivateKey.generate(), PrivateKey.generate()
RING = KeyRing.of(KEY.text())
CANARY = "hunter2-canary"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
SEALED = {
    ("sources", "shop", "api_key"): f"{CANARY}-1",
    ("sources", "shop", "credentials"): {"a": [1, 2.5, f"{CANARY}-2"]},
    ("sources", "a.b", "password"): f"{CANARY}-3",
    ("PLAIN",): 4,
    ("destination", "motherduck", "token"): f"{CANARY}-5" * 9,
}
TOKENS = [
    *"&*!|>%@`{}[],?:-#'\"~", "<<: *a", "&a ", "*a", "!!str ", "!!binary ", "- ", ": ", "---\n", "...\n", "? ", "|\n",
    "null", "true", "1e9", ".inf", "\\U99999999", "\0", "\ufeff", "\u2028", "\r", "\t", "enc:v1:", "enc:v2:", "\xff",
    "secrets:", "version: 2\n", "  PLAIN: ", "  sources.shop.api_key: ", '"a.b"', "::error::x",
]  # fmt: skip


def documents():
    """A document, and one with other tokens for the same paths, some for another key."""
    for keys in ([KEY] * len(SEALED), [KEY, OTHER, KEY, OTHER, KEY]):
        lines = [f"version: 1\nkey: {KEY.public.text}\nsecrets:\n"]
        for (path, value), key in zip(SEALED.items(), keys, strict=True):
            name = ".".join(part if "." not in part else f'"{part}"' for part in path)
            lines.append(f"  {name}: {seal(value, path, key.public, NOW)}\n")
        yield "".join(lines).encode()


def mutated(rng, one, other):
    """One to four changes of any kind."""
    data = bytearray(one)
    for _ in range(rng.randint(1, 4)):
        at, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        near = min(end, at + rng.randint(0, 40))
        match rng.randrange(8):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at:near]
            case 2:
                del data[at:]
            case 3:
                data[at:near] = other[at : at + rng.randint(0, 300)]
            case 4:
                data[at:at] = rng.choice(TOKENS).encode("latin-1", "replace")
            case 5:
                data[at:at] = data[at:near]
            case 6:  # lines, values or paths change places
                lines = bytes(data).splitlines(keepends=True)
                rng.shuffle(lines)
                data = bytearray(b"".join(lines))
            case _:
                data = bytearray(swapped(rng, bytes(data)))
    return bytes(data)


def swapped(rng, data):
    """The values of two lines in each other's place, or one of them copied."""
    lines = [line.partition(b": ") for line in data.split(b"\n")]
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    values = [line[2] for line in lines]
    values[one], values[two] = values[two], values[rng.choice([one, two])]
    return b"\n".join(key + colon + value for (key, colon, _), value in zip(lines, values, strict=True))


def test_no_mutated_document_raises_or_yields_a_value_that_was_not_sealed_for_its_path():
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it when the test fails
    rng, (one, other) = random.Random(seed), documents()
    whole = opened = 0

    for number in range(ROUNDS):
        data = mutated(rng, one, other)
        found = parse(data, "f")
        values, problems = open_entries(found.entries, RING, found.entries)

        for path, value in values.items():
            assert path in SEALED, (seed, number, data)
            assert value == SEALED[path], (seed, number, data)
            assert type(value) is type(SEALED[path])
        assert len(values) + len(problems) == len(found.entries)
        for problem in (*found.problems, *problems):
            assert isinstance(problem, Problem)
            assert problem.at is not None
            assert CANARY not in str(problem)
            assert str(problem).replace("\n", "").isprintable(), (seed, number, data)
        whole += len(values) == len(SEALED)
        opened += len(values)
        if number % 40 == 0:
            edited(data, rng)

    assert whole < ROUNDS / 2, "most changes have to hit something"
    assert opened > ROUNDS, "and not everything, else nothing was tested"


def edited(data, rng):
    """An edit of a broken document is done whole, or refused with a reason."""
    path = rng.choice([*SEALED, ("NEW",)])
    try:
        after = edit(data, Changes(put={path: "enc:v1:00000000:new"}), "f")
    except CredentialsError:
        return
    before = {entry.path: entry.token for entry in parse(data, "f").entries}
    held = {entry.path: entry.token for entry in parse(after, "f").entries}
    assert held == before | {path: "enc:v1:00000000:new"}
