"""Reads what was sent to the double of Meta's API with Meta's own package, which lies in the environment `.meta`.

The package is generated from Meta's own description of its API. It is parsed, not imported.
"""

import ast
import json
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
# edge -> the class of its rows, and the account's method that asks for it
EDGES = {
    "campaigns": ("campaign", "get_campaigns"),
    "adsets": ("adset", "get_ad_sets"),
    "ads": ("ad", "get_ads"),
    "adcreatives": ("adcreative", "get_ad_creatives"),
    "customaudiences": ("customaudience", "get_custom_audiences"),
    "leads": ("lead", None),
    "insights": ("adsinsights", "get_insights_async"),
}
ALL = {"fields", "limit", "after", "access_token", "appsecret_proof"}


@cache
def _module(name):
    [file] = ROOT.glob(f".meta/lib/python3*/site-packages/facebook_business/{name}.py")
    return ast.parse(file.read_text())


def _find(node, kind, name):
    return next(found for found in ast.walk(node) if isinstance(found, kind) and found.name == name)


@cache
def _words(module, name):
    """Return the values of a class of words: the fields of an object, or what a parameter may be."""
    found = _find(_module(f"adobjects/{module}"), ast.ClassDef, name)
    return {line.value.value for line in found.body if isinstance(line, ast.Assign)}


@cache
def _parameters(method):
    """Return the parameters that a method of the account knows."""
    body = _find(_module("adobjects/adaccount"), ast.FunctionDef, method)
    types = next(
        line.value
        for line in ast.walk(body)
        if isinstance(line, ast.Assign) and line.targets[0].id == "param_types"
    )
    return {key.value for key in types.keys}


def version():
    """Return the version of the API that the package is for."""
    [config] = [line.value for line in _module("apiconfig").body if isinstance(line, ast.Assign)]
    return dict(zip((key.value for key in config.keys), (each.value for each in config.values), strict=True))[
        "API_VERSION"
    ]


def unknown(asked):
    """Give what Meta's package does not know of a request."""
    _, used, node, *edge = asked.path.split("/")
    if used != version():
        yield f"version {used}"
    if node.isdecimal() and edge in ([], ["insights"]):
        return  # a report, and its rows
    module, method = EDGES[edge[0]] if edge else ("adaccount", None)
    given = json.loads(asked.body) if asked.body else dict(asked.query)
    yield from (given.keys() - ALL) - (_parameters(method) if method else set())
    fields = given["fields"] if isinstance(given["fields"], list) else given["fields"].split(",")
    yield from set(fields) - _words(module, "Field")
    yield from set(json.loads(given.get("effective_status", "[]"))) - (
        _words(module, "EffectiveStatus") if "effective_status" in given else set()
    )
    if module == "adsinsights":
        yield from {given["level"]} - _words(module, "Level")
        yield from set(given["breakdowns"]) - _words(module, "Breakdowns")
        yield from set(given["action_attribution_windows"]) - _words(module, "ActionAttributionWindows")
