"""The command `dango`: one small module for each command."""
