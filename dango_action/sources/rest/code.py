"""The Python that a packaged definition names: `systems.shop:rows` is `rows` in sources/systems/shop.py."""

from __future__ import annotations

import importlib
from typing import Any


def code(name: str) -> Any:  # noqa: ANN401 - a function or a class
    """Return what a definition names. Only modules of this package can be named."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(f"dango_action.sources.{module}"), attribute)
