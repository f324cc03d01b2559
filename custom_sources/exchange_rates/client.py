"""The API of Frankfurter, version 1."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from dlt.sources.helpers import requests

HOST = "https://api.frankfurter.dev"
NOT_FOUND = 404


class UnknownCurrencyError(ValueError):
    """There are no rates for a currency. The message has those that there are."""


class Frankfurter:
    """Daily rates. dlt's requests try again what may pass, such as 429 and 503, and raise what does not."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._session = requests.Client(raise_for_status=False).session
        self._currencies: dict[str, str] = {}

    def currencies(self) -> dict[str, str]:
        """Return the name of each currency; they are asked for once."""
        if not self._currencies:
            self._currencies = self._get("currencies", {}) or {}
        return self._currencies

    def check(self, wanted: Iterable[str]) -> None:
        """Raise UnknownCurrencyError for a currency without rates: of a mistyped one there would be no row."""
        known = self.currencies()
        if unknown := sorted({*wanted} - known.keys()):
            raise UnknownCurrencyError(f"no rates for {', '.join(unknown)}; there are {', '.join(sorted(known))}")

    def series(self, begin: date, end: date, base: str, symbols: list[str] | None) -> dict[str, dict[str, float]]:
        """Return the rates of `base` by day and currency; none where a time has no working day."""
        asked = {"base": base, **({"symbols": ",".join(symbols)} if symbols else {})}
        found = self._get(f"{begin.isoformat()}..{end.isoformat()}", asked)
        return dict(found["rates"]) if found else {}

    def _get(self, what: str, asked: Mapping[str, str]) -> dict[str, Any] | None:
        """Return the JSON of an address, None if there is nothing."""
        response = self._session.get(f"{self._base_url}/v1/{what}", params=asked)
        if response.status_code == NOT_FOUND:
            return None
        response.raise_for_status()
        found: dict[str, Any] = response.json()
        return found
