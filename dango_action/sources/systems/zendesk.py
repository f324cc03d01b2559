"""Rows of Zendesk's exports that lie within or beside others."""

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]


def ticket(row: Document, _values: Mapping[str, Any]) -> Document:
    """Return a ticket without `fields`, which is `custom_fields` once more."""
    return {key: value for key, value in row.items() if key != "fields"}


def metrics(document: Document, _values: Mapping[str, Any]) -> Document:
    """Return the metrics of the exported tickets, with the time that Zendesk exports by: they have none.

    Raises:
        KeyError: an answer has tickets without their metrics, which would be left out unseen.

    """
    times = {ticket["id"]: ticket["generated_timestamp"] for ticket in document["tickets"]}
    sets = document["metric_sets"] if times else ()
    rows = [{**row, "generated_timestamp": times[row["ticket_id"]]} for row in sets]
    return {**document, "ticket_metrics": rows}


def comments(document: Document, _values: Mapping[str, Any]) -> Document:
    """Return the comments among the changes, with the ticket and the time of their change."""
    rows = [
        {**child, "ticket_id": event["ticket_id"], "timestamp": event["timestamp"]}
        for event in document["ticket_events"]
        for child in event["child_events"]
        if child["event_type"] == "Comment"
    ]
    return {**document, "ticket_comments": rows}
