"""What files hold: rows as Arrow batches, or as dicts where they nest."""
