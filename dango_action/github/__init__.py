"""The runner's protocol."""
