"""What a recipe may say: frozen models that refuse unknown keys."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Auto = Literal["auto"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Truncate = Literal["head", "tail", "head-tail", "windows"]


class Settings(BaseModel):
    """Base of every table of a recipe: read-only, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AdapterSettings(BaseModel):
    """Which task type this is; the other keys of the table are checked by that adapter."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = Field(description="the adapter: a file in bertkit/adapters, with dashes")


class ReadSettings(Settings):
    """How a file of rows is read; every value has a default that suits its extension."""

    format: str | None = Field(
        None, description="csv, tsv, jsonl, json, conll, conllu or parquet; by default from the extension"
    )
    encoding: str | None = Field(None, description="by default UTF-8, or what a byte order mark says")
    delimiter: str | None = Field(
        None, pattern=r'^[^"\r\n\x00]$', description="one character; by default , in CSV and tab in TSV"
    )
    quoting: Literal["csv", "none"] | None = Field(None, description="by default csv in CSV and none in TSV")
    names: tuple[str, ...] | None = Field(None, description="column names of a file without a header line")
    max_cell: Annotated[int, Field(ge=1, lt=2**31)] = Field(
        2**24, description="characters of the longest cell; a row with a longer one is a bad row"
    )
    on_bad_row: Literal["stop", "skip"] = Field(
        "stop",
        description="rows with a wrong number of fields, broken JSON, undecodable bytes, a cell above max_cell, or "
        "labels of words or answers beyond repair",
    )


class DataSettings(ReadSettings):
    """Where the rows come from."""

    hub: str | None = Field(None, description="data set on the hub, owner/name")
    revision: str | None = Field(None, description="commit of the hub data set")
    config: str | None = Field(None, description="configuration (subset) of the hub data set")
    train: str | None = Field(None, description="file, or split name when hub is set")
    validation: str | None = Field(None, description="file, or split name when hub is set")
    test: str | None = Field(None, description="file, or split name when hub is set")
    validation_fraction: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.1, description="share of the training rows held out when there is no validation file"
    )
    seed: Annotated[int, Field(ge=0)] = Field(42, description="of the held-out rows, the same for all training seeds")
    on_empty: Literal["refuse", "drop"] = Field("drop", description="rows with an empty text")
    on_missing_label: Literal["refuse", "drop"] = Field("drop", description="training rows with an empty label")


class EncodeSettings(Settings):
    """How text becomes windows of tokens."""

    max_length: Annotated[int, Field(ge=8)] = Field(256, description="tokens in a window, special tokens included")
    truncate: Truncate = Field("head", description="which part of a long text the model sees")
    stride: Annotated[int, Field(ge=0)] = Field(64, description="tokens that neighbouring windows share")


class TrainSettings(Settings):
    """How the model is trained; everything else of TrainingArguments goes into extra."""

    epochs: Positive | Auto = Field("auto", description="passes over the data; auto: 3, more when rows are few")
    batch_size: Count = Field(32, description="rows of one optimizer step on one process")
    accumulation: Count = Field(
        1, description="at least so many parts of a batch, computed one after the other to save memory"
    )
    group_by_length: bool = Field(
        False, description="batches of rows of similar length; faster, but a batch is no longer a random draw"
    )
    learning_rate: Positive | Auto = Field("auto", description="peak rate; auto: by the width of the checkpoint")
    warmup: Annotated[float, Field(ge=0, lt=1)] = Field(0.1, description="share of the steps with a rising rate")
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.01, description="not applied to biases and norms")
    max_grad_norm: Annotated[float, Field(ge=0)] = Field(1.0, description="gradient clipping; 0 is off")
    patience: Annotated[int, Field(ge=0)] = Field(3, description="evaluations without gain before stopping; 0 is off")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field("auto", description="auto: bf16 or fp16 on a GPU")
    gradient_checkpointing: bool = Field(False, description="less memory, more time")
    seed: Annotated[int, Field(ge=0)] = Field(
        42, description="of the head's first weights, the order of rows and dropout"
    )
    save_minutes: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        10.0, description="minutes between checkpoints, beside those after each epoch; 0 is off"
    )
    metric: str | Auto = Field("auto", description="what selects the best epoch; auto: the adapter's first metric")
    extra: dict[str, Any] = Field(default_factory=dict, description="fields of TrainingArguments by their own names")


def _packaged_metric(name: str) -> str:
    if not re.fullmatch(r"evaluate:\w+", name):
        raise PydanticCustomError(
            "metric",
            "it must be evaluate: and a packaged name; a recipe must not name code, but bertkit eval --metric may",
        )
    return name


class Recipe(Settings):
    """A whole recipe."""

    title: str = Field("", description="one line for lists")
    adapter: AdapterSettings
    model: str = Field("google-bert/bert-base-uncased", description="hub name, folder, size or minilm")
    columns: dict[str, str] = Field(default_factory=dict, description="role of a column = its name in the data")
    data: DataSettings = Field(default_factory=DataSettings)
    encode: EncodeSettings = Field(default_factory=EncodeSettings)
    train: TrainSettings = Field(default_factory=TrainSettings)
    metrics: tuple[Annotated[str, AfterValidator(_packaged_metric)], ...] = Field(
        (), description="further metrics: evaluate:<packaged name>"
    )
