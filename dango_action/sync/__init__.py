"""Driving dlt: extract, normalize, load."""
