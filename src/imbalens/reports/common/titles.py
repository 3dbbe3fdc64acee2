"""How titles name a dataset."""


def dataset_title(name: str, *, generated: bool) -> str:
    """Return the name of a dataset, with a word where this package drew the images."""
    return f"{name} (generated images)" if generated else name
