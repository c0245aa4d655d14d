"""The section `judges` of the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sidecar.spelling import URL, spelled


class Budget(BaseModel):
    """How often a judge is asked at most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    """Questions that may begin in a minute, spread over it; each process of `workers` has its own."""


class JudgeSettings(BaseModel):
    """A guard model behind an OpenAI-compatible API. The texts that rules leave to it are sent there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, spelled(*URL)]
    """The API's base, such as `http://guard:8000/v1`; `/chat/completions` is put behind it."""
    model: Annotated[str, Field(min_length=1)]
    prompt: Literal["llama-guard", "granite-guardian", "qwen3guard", "file"]
    """How the model is asked, and how its answer is read."""
    prompt_file: Path | None = None
    """With `prompt: file`: what is asked, with `{text}` where the text stands."""
    risk: Annotated[str, spelled("[a-z_]{1,64}", "small letters and `_`, at most 64")] = "harm"
    """What Granite Guardian is asked about."""
    labels: dict[str, Annotated[str, spelled("[A-Za-z0-9_]{1,64}", "letters, digits and `_`, at most 64")]] = Field(
        default_factory=dict
    )
    """What its categories are called in policies and events, in place of the form's own names."""
    timeout_ms: Annotated[int, Field(ge=1, le=60_000)] = 300
    budget: Budget = Budget()
    cache_entries: Annotated[int, Field(ge=0, le=1_000_000)] = 10_000
    """Verdicts that are kept, by a keyed digest of the text, some 200 bytes each. 0 keeps none."""
    sample: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of texts that it is asked about, chosen by their digests; of the others the local verdict stands."""
    key_file: Path | None = None
    """Holds the API's key, sent as a bearer token; read again when it changes."""

    @model_validator(mode="after")
    def _has_a_prompt(self) -> JudgeSettings:
        if (self.prompt == "file") != (self.prompt_file is not None):
            raise ValueError("`prompt: file` and `prompt_file` go together; one of them is missing")
        return self
