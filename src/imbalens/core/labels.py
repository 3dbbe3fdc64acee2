"""Names of labels that more than one layer must know."""

NO_FINDING = "No Finding"
"""The label of an image that has none of the others."""
