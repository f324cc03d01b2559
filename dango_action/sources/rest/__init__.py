"""REST APIs as data, over dlt's `rest_api`: what a definition says becomes dlt's configuration for it."""
