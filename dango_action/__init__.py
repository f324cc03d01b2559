"""dango-action: data ingestion for teams that have no servers."""

__version__ = "0.1.0"
