"""Kinds that nobody has registered yet. Registering one means deleting its line."""

NOT_YET: dict[str, str] = {}
