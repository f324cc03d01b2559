"""Reports of Google Analytics: their pages, and their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlt.sources.helpers.rest_client.paginators import OffsetPaginator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlt.sources.helpers.requests import Request


def rows(report: Mapping[str, Any], _values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report whose rows have columns by the names of dimensions and metrics."""
    headers = [*report.get("dimensionHeaders", ()), *report.get("metricHeaders", ())]
    cells = ([*row.get("dimensionValues", ()), *row.get("metricValues", ())] for row in report.get("rows", ()))
    found = [{of["name"]: _typed(of, it["value"]) for of, it in zip(headers, row, strict=True)} for row in cells]
    return {**report, "rows": found}


def _typed(header: Mapping[str, str], text: str) -> Any:  # noqa: ANN401 - by the header
    return (int if header["type"] == "TYPE_INTEGER" else float)(text) if "type" in header else text


class Pages(OffsetPaginator):
    """Pages of a report, by `offset` and `limit` in a body that has the names of dimensions and metrics alone.

    The rows are ordered by all dimensions, since pages of an order that leaves a choice may repeat and miss rows.
    """

    def __init__(self, limit: int) -> None:
        most = min(limit, 250_000)  # the API gives no more, and the next page would leave rows out
        super().__init__(most, offset_body_path="offset", limit_body_path="limit", total_path="rowCount")

    def init_request(self, request: Request) -> None:
        """Complete the body of the first request; the next ones have the same."""
        body: dict[str, Any] = request.json or {}
        orders = [{"dimension": {"dimensionName": name}} for name in body["dimensions"]]
        named = {key: [{"name": name} for name in body[key]] for key in ("dimensions", "metrics")}
        request.json = {**body, **named, "orderBys": orders}
        super().init_request(request)
