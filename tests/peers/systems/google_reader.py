"""Reads what was sent to doubles of Google's APIs, and what they have said, with Google's own packages.

It runs in the environment `.google`: JSON with `ads`, `analytics` and `sheets`, lists of exchanges, comes in, and for
each of them a list of what is wrong goes out, with the fields of a row of Google Ads and their types.
"""

import json
import re
import sys
from pathlib import Path

import googleapiclient
from google.ads.googleads.v26.services.types.google_ads_service import (
    GoogleAdsRow,
    SearchGoogleAdsRequest,
    SearchGoogleAdsResponse,
)
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

ROW = GoogleAdsRow.pb().DESCRIPTOR
DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache/documents"
WORDS = {"AND", "ORDER", "BY", "DESC", "LIMIT", "BETWEEN", "IN", "DURING"}
KINDS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list}


def ads(exchange):
    """Give what is wrong with a search: unknown keys, fields that no row has, an answer in another form."""
    try:
        ParseDict(exchange["body"], SearchGoogleAdsRequest.pb()())
        parsed = ParseDict(exchange["answer"], SearchGoogleAdsResponse.pb()())
    except ParseError as error:
        yield str(error)
        return
    if MessageToDict(parsed) != exchange["answer"]:  # integers of 64 bits are texts, for one
        yield f"Google would write it so: {MessageToDict(parsed)}"
    query = re.sub(r"'[^']*'", "", exchange["body"]["query"])
    for name in re.findall(r"\b[a-z_0-9]+(?:\.[a-z_0-9]+)+", query):
        if not _has(ROW, name.split(".")):
            yield f"a row has no {name}"
    source = re.search(r" FROM (\w+)", query)[1]
    if source not in ROW.fields_by_name:
        yield f"there is no {source}"


def _has(message, path):
    for name in path:
        field = message and (message.fields_by_name.get(name) or message.fields_by_name.get(f"{name}_"))
        if not field:
            return False
        message = field.message_type
    return True


def fields(message=ROW, above=(), seen=frozenset()):
    """Give the path of each plain field that is no list, in camel case, and whether it is a 64-bit integer or so."""
    for field in message.fields:
        path = (*above, field)
        if field.is_repeated or field.name in {"old_resource", "new_resource"}:
            continue
        if field.message_type is None:
            names = [[one.name.rstrip("_"), one.json_name] for one in path]
            kind = {1: "double", 2: "double", 3: "int64", 9: "string"}.get(field.type, "other")
            yield {"path": names, "kind": kind}
        elif field.message_type.full_name not in seen:
            yield from fields(field.message_type, path, seen | {field.message_type.full_name})


def discovered(name):
    """Return a function that gives what is wrong with an exchange by a discovery document of Google."""
    document = json.loads((DOCUMENTS / f"{name}.json").read_text())
    methods = list(_methods(document))

    def read(exchange):
        path = exchange["path"].removeprefix("/")
        fitting = [m for m in methods if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/:]+", m["flatPath"]), path)]
        if not fitting:
            yield f"there is no {path}"
            return
        [method] = fitting
        if (method["httpMethod"] == "GET") != (exchange["body"] is None):
            yield f"{path} is asked by {method['httpMethod']}"
        known = method["parameters"] | document["parameters"]
        for key, value in exchange["query"]:
            if key not in known or value not in known[key].get("enum", [value]):
                yield f"{key}={value} is no parameter of {path}"
        schemas = document["schemas"]
        if exchange["body"] is not None:
            yield from _wrong(exchange["body"], method["request"], schemas, "body")
        yield from _wrong(exchange["answer"], method["response"], schemas, "answer")

    return read


def _methods(part):
    yield from part.get("methods", {}).values()
    for below in part.get("resources", {}).values():
        yield from _methods(below)


def _wrong(value, schema, schemas, at):
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    if schema["type"] == "any":
        return
    whole = schema.get("format") == "int64" and at.startswith("body") and isinstance(value, int)
    if not whole and (not isinstance(value, KINDS[schema["type"]]) or value not in schema.get("enum", [value])):
        yield f"{at}: {value!r} is no {schema['type']}"
    elif schema["type"] == "array":
        for number, item in enumerate(value):
            yield from _wrong(item, schema["items"], schemas, f"{at}[{number}]")
    elif schema["type"] == "object":
        for key, item in value.items():
            if key in schema["properties"]:
                yield from _wrong(item, schema["properties"][key], schemas, f"{at}.{key}")
            else:
                yield f"{at}: there is no {key}"


def main():
    readers = {"ads": ads, "analytics": discovered("analyticsdata.v1beta"), "sheets": discovered("sheets.v4")}
    held = json.load(sys.stdin)
    return {api: [list(readers[api](one)) for one in held[api]] for api in held} | {"fields": list(fields())}


if __name__ == "__main__":
    json.dump(main(), sys.stdout)
