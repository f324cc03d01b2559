"""`.dango/sources.yml`: from bytes to a checked configuration, or to every problem with its place."""
