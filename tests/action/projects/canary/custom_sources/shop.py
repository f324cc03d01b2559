# ruff: noqa: T201 - what a source prints is the point of it
"""A source that is careless with its secrets, in the ways that its argument `deeds` names."""

import json
import logging
import os
import subprocess
import sys
import time
import traceback
import warnings
import zlib
from pathlib import Path

import dlt
from shapes import packed, shapes


def log(secrets):
    """Print all secrets, in all forms, by every way that a log has."""
    parts = {"private_key": json.loads(secrets["account"])["private_key"]}
    for name, secret in (secrets | parts).items():
        for form, data in shapes(secret).items():
            text = data.decode()
            print(f"<{name} {form}>{text}</>")
            if name == "token":  # the log stays short enough to be repeated whole
                print(f"<{name} {form} on stderr>{text}</>", file=sys.stderr)
        for command in (
            "::set-output name=status::",
            "::add-mask::",
            "::error::",
            "::notice file=a.py::",
            "##[error]",
        ):
            print(f"{command}{secret}")
            print(f"{command}{secret.replace('%', '%25').replace(chr(13), '%0D').replace(chr(10), '%0A')}")
        logging.getLogger("shop").error("<%s logged>%s</>", name, secret)
        warnings.warn(f"<{name} warned>{secret}</>", stacklevel=1)
        os.write(1, f"<{name} written>{secret}</>\n".encode())
        subprocess.run(["cat"], input=f"<{name} of a child>{secret}</>\n".encode(), check=True)
        print(f"<{name} traceback>", "".join(_locals(secret)), "</>")
    token = secrets["token"]
    print(f"<halves>{token[:7]}", end="", flush=True)
    time.sleep(0.2)
    print(f"{token[7:]}</>", flush=True)
    print(json.dumps(secrets), secrets)
    [run] = Path(".dango/runs").iterdir()
    (run / "leak.log").write_text(json.dumps(secrets))
    (run / "leak.json").write_bytes(zlib.compress(token.encode()))


def _locals(secret):
    """Return a traceback with the values of local variables, one of which is the secret."""
    held = {"secret": secret}
    try:
        held[f"not {secret}"]
    except KeyError as error:
        return traceback.TracebackException.from_exception(error, capture_locals=True).format()


def pack(secrets):
    """Print a compressed secret as the bytes that it is."""
    sys.stdout.buffer.write(b"\n" + packed(secrets["token"])["zlib"] + b"\n")


def fail(secrets):
    """Fail with all secrets in the message, and in that of the cause."""
    for secret in secrets.values():
        logging.getLogger("shop").error("<%s>", secret)
    text = " ".join(
        f"[{data.decode()}]" for name in ("token", "dotenv") for data in shapes(secrets[name]).values()
    )
    raise ValueError(text[:400] + " ...") from RuntimeError(json.dumps(secrets), *secrets.values())


def state(secrets):
    """Put a secret into what dlt keeps of a resource between runs."""
    dlt.current.resource_state()["next"] = {"page": 2, "with": secrets["token"]}


DEEDS = {"log": log, "pack": pack, "fail": fail, "state": state}


@dlt.source
def source(
    deeds: list,
    token: str = dlt.secrets.value,
    account: str = dlt.secrets.value,
    key: str = dlt.secrets.value,
    pem: str = dlt.secrets.value,
    dotenv: str = dlt.secrets.value,
    toml: str = dlt.secrets.value,
):
    """Give rows of its own, and do its deeds before that."""
    secrets = {"token": token, "account": account, "key": key, "pem": pem, "dotenv": dotenv, "toml": toml}
    secrets["foreign"] = Path(".env").read_text().split("OF_NOBODY=")[1].strip()
    hints = {"columns": {"id": {"description": f"is of {token}"}}} if "column description" in deeds else {}
    hints |= {"table_name": f"of_{dotenv}"} if "table name" in deeds else {}

    @dlt.resource(name="own", **hints)
    def own():
        for deed in deeds:
            DEEDS.get(deed, bool)(secrets)
        row = {"id": 1} | ({f"of_{dotenv}": 1} if "column name" in deeds else {})
        own_rows = [row | {"name": name, "value": secret} for name, secret in secrets.items()]
        yield own_rows if "column" in deeds else [row]

    @dlt.resource(name="environment")
    def environment():
        yield [{"name": name} for name in os.environ]

    if "table description" in deeds:
        own.apply_hints(additional_table_hints={"description": token})
    return own, environment
