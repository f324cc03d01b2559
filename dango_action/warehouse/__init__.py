"""The target: how a load becomes visible, whole or not at all."""
