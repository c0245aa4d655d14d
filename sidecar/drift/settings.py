"""The section `drift` of the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class DriftSettings(BaseModel):
    """Whether streams are watched for drift, and how. Off by itself: it needs some thousand streams to say anything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = False
    app_label: str = "app"
    """Which label of a stream names its application. Streams without it are one application."""
    reference_streams: Annotated[int, Field(ge=100, le=1_000_000)] = 1000
    """The first so many streams of a group are what its windows are compared with."""
    window_streams: Annotated[int, Field(ge=50, le=100_000)] = 250
    """A window; it is tested when it is full, and the next one begins empty."""
    false_alarms: Annotated[float, Field(ge=1e-6, le=0.1)] = 1e-4
    """The share of windows in which nothing changed that are told of all the same, at most."""
    quiet_windows: Annotated[int, Field(ge=1, le=100)] = 3
    """A signal has settled after so many windows in a row that do not differ."""
    vectors: Annotated[int, Field(ge=50, le=10_000)] = 512
    """Embeddings that a reference keeps, a random sample of its queries; 768 bytes each."""
    max_groups: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Apps, tenants and prompt versions that are watched, inputs and answers apart; what comes then is not."""
    forget_days: Annotated[float, Field(gt=0)] = 30.0
    """A group without a stream for so long gives its place to another."""
    encode: Literal["shared", "all"] = "shared"
    """Whose embeddings and topics: of texts that a rule has the same model read anyhow, or of all, when nothing else is
    to be done."""
    model: str = "tidegate-encoder"
    """The model whose heads `topic` and `embedding` are read."""
    path: Path = Path("tidegate-drift.json")
    """Where the samples are kept; without text, but with the vectors. Beside workers' outboxes each has its own."""
    save_seconds: Annotated[float, Field(gt=0)] = 60.0
    """How often they are written, and once at the stop."""
    reference: Path | None = None
    """A file of `tidegate drift pin`: the references of the groups in it, whatever came since."""

    @model_validator(mode="after")
    def _can_tell(self) -> DriftSettings:
        if self.window_streams > self.reference_streams:
            raise ValueError(
                "window_streams is more than reference_streams: a window is held against many more streams"
            )
        return self
