"""Pools of members, and the steps after the pool."""
