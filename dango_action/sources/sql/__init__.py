"""Tables of a database: where it is, which of them are synced, and how their rows are read."""
