"""TOML and overrides in, one checked recipe out; every mistake is reported at once."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from bertkit.errors import RecipeError
from bertkit.recipe.schema import Recipe
from bertkit.recipe.secrets import holds_token

Model = TypeVar("Model", bound=BaseModel)
AdapterModel = Callable[[str], type[BaseModel]]


@dataclass(frozen=True)
class Layer:
    """Some values of a recipe and where they come from; a later layer wins.

    Args:
        origin: What `tasks show` prints beside each value, such as `--set` or a file name.
        values: Nested tables, as TOML reads them.
    """

    origin: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Resolved:
    """A checked recipe, and the origin of each value that is not a default.

    Args:
        recipe: The recipe.
        origins: Dotted place to origin.
    """

    recipe: Recipe
    origins: dict[str, str]


def read_file(path: Path) -> Layer:
    """Read one recipe file.

    Raises:
        RecipeError: The file is not valid TOML or not UTF-8.
    """
    try:
        return Layer(path.name, tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not a valid TOML file: {error}") from error


def parse_override(text: str) -> Layer:
    """Parse one `--set section.key=value`; the value follows TOML, and what TOML refuses is text.

    Raises:
        RecipeError: There is no `=` or no key.
    """
    key, separator, raw = text.partition("=")
    parts = key.strip().split(".")
    if not separator or not all(parts):
        raise RecipeError(f'--set "{text}" is not of the form section.key=value', "--set train.epochs=3")
    try:
        value = tomllib.loads(f"value = {raw.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        value = raw.strip()
    for part in reversed(parts):
        value = {part: value}
    return Layer("--set", value)


def resolve(layers: Sequence[Layer], adapter_model: AdapterModel) -> Resolved:
    """Merge layers and check the result.

    Args:
        layers: From the weakest to the strongest.
        adapter_model: Name of an adapter to the model of its settings; raises RecipeError for an unknown name.

    Raises:
        RecipeError: All mistakes, each with its dotted place and the nearest valid key.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        _refuse_tokens(layer)
        _merge(values, layer.values)
        for place, value in _leaves(layer.values):
            origins[place] = layer.origin
            if value is None:
                origins.pop(place)
    mistakes: list[str] = []
    recipe = _validate(Recipe, values, "", origins, mistakes)
    adapter = values.get("adapter")
    if isinstance(adapter, dict) and isinstance(adapter.get("name"), str):
        settings = {key: value for key, value in adapter.items() if key != "name"}
        try:
            checked = _validate(adapter_model(adapter["name"]), settings, "adapter.", origins, mistakes)
        except RecipeError as error:
            checked = None
            mistakes.append(error.message)
        if recipe is not None and checked is not None:
            full = {"name": adapter["name"], **checked.model_dump()}
            recipe = Recipe.model_validate({**recipe.model_dump(), "adapter": full})
    if mistakes or recipe is None:
        raise RecipeError("\n".join(mistakes), "bertkit tasks show TASK prints every key and its value")
    return Resolved(recipe, origins)


def _refuse_tokens(layer: Layer) -> None:
    for place, value in _leaves(layer.values):
        if holds_token(value) or holds_token(place):
            raise RecipeError(
                f"a value from {layer.origin} holds a token of the hub; recipes and runs are passed on to others",
                "hf auth login, or set HF_TOKEN in the environment; if the recipe was shared, revoke the token",
            )


def _validate(
    model: type[Model],
    values: Mapping[str, Any],
    prefix: str,
    origins: Mapping[str, str],
    mistakes: list[str],
) -> Model | None:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for item in error.errors():
            place = ".".join(str(part) for part in item["loc"] if not _is_branch(part))
            origin = origins.get(prefix + place, "")
            message = _wording(model, item["loc"], item["type"], item["msg"])
            line = f"{prefix}{place}: {message}" + (f" (from {origin})" if origin else "")
            if line not in mistakes:
                mistakes.append(line)
        return None


def _wording(model: type[BaseModel], location: tuple[int | str, ...], kind: str, message: str) -> str:
    if kind != "extra_forbidden":
        return message[:1].lower() + message[1:]
    known = list(_model_at(model, location[:-1]).model_fields)
    close = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
    return f'unknown key; did you mean "{close[0]}"?' if close else f"unknown key; known: {', '.join(known)}"


def _model_at(model: type[BaseModel], location: Sequence[int | str]) -> type[BaseModel]:
    for part in location:
        annotation = model.model_fields[str(part)].annotation
        choices = [annotation, *get_args(annotation)]
        model = next(choice for choice in choices if isinstance(choice, type) and issubclass(choice, BaseModel))
    return model


def _is_branch(part: int | str) -> bool:
    """Tell whether pydantic added this part to a place to name one branch of a union."""
    return isinstance(part, str) and (part.startswith(("literal[", "constrained-")) or part in {"float", "int", "str"})


def _merge(target: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        elif isinstance(value, Mapping):
            target[key] = {}
            _merge(target[key], value)
        else:
            target[key] = value


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
