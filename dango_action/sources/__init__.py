"""From a source's entry in the configuration to a dlt source."""
