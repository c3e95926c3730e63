"""The identity of something built: a hash of everything that it is built from."""

from __future__ import annotations

import hashlib


def recipe_key(*ingredients: str) -> str:
    """Sixteen hex digits that change when any ingredient does."""
    hasher = hashlib.sha256()
    for ingredient in ingredients:
        hasher.update(f"{len(ingredient)}:".encode())
        hasher.update(ingredient.encode())
    return hasher.hexdigest()[:16]
