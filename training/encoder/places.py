"""What a label says of a text in each place: as a user's words, and in a document or a tool's result.

An override is an attack wherever it stands. A task ("send the report to ...") is harmless when a user gives it and an
attack when a document does; as a user's words a document that holds one is neither, and is masked.
"""

from __future__ import annotations

import dataclasses

from training.encoder.rows import Example

BY_PLACE = (
    "synthetic:bare-task",
    "synthetic:bare-goal",
    "uiuc-kang-lab/InjecAgent",
    "Agent Security Bench",
    "own:foreign-task",
)
"""Starts of sources whose attacks are attacks by where they stand alone."""
PERSONS = ("benign", "hard_negative", "topic")
"""Kinds of text that a person may write to a model: in a document they may be a foreign task, so they are masked."""
SYSTEM_WEIGHT = 0.4
"""A system prompt gives orders as an attack does; it teaches that orders alone are harmless, at a lower weight."""
FOREIGN_WEIGHT = 0.5


def placed_labels(example: Example) -> Example:
    """The example with both labels, from the one that it has."""
    if example.injection is None:
        return example
    label, weight = example.injection
    if label and example.source.startswith(BY_PLACE):
        return dataclasses.replace(example, injection=None, foreign=(label, weight * FOREIGN_WEIGHT))
    if not label and example.kind in PERSONS and not _is_document(example):
        return example
    if not label and example.kind == "system_prompt":
        return dataclasses.replace(example, injection=(0, weight * SYSTEM_WEIGHT), foreign=None)
    return dataclasses.replace(example, foreign=(label, weight))


def _is_document(example: Example) -> bool:
    """Whether a look-alike is a passage of a document: those of security guides, advisories and code are."""
    return example.kind == "hard_negative" and len(example.text) > DOCUMENT_CHARS


DOCUMENT_CHARS = 350
