"""`.dango/requirements.txt`: what custom and unofficial sources need, from its text to checked lines for uv."""
