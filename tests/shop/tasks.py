"""The shop's tasks, as the functions that a task library is given."""

from tests.shop.models import Category


def restock(name: str) -> None:
    """Save twice; one name cannot be saved."""
    Category.objects.create(name=name)
    if name == "impossible":
        raise KeyError(name)
    Category.objects.create(name=f"{name} again")


async def arestock(name: str) -> None:
    """The same as a coroutine."""
    await Category.objects.acreate(name=name)
