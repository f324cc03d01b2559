"""Which secrets a source may see."""
