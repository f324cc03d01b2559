"""What `dango init` writes: facts about a folder in, files out."""
