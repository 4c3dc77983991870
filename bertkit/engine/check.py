"""What `tasks check` proves of a recipe without training."""

from __future__ import annotations

from collections import Counter

from bertkit import adapters
from bertkit.data import sources
from bertkit.engine import load, training_arguments
from bertkit.engine.request import Request, resolve
from bertkit.recipe import catalog


def check_recipe(request: Request) -> list[tuple[str, str]]:
    """Check keys and values, the roles of columns and, where files are here, their rows and labels.

    Args:
        request: Names the recipe.

    Returns:
        What was checked and what was found, one line each.

    Raises:
        BertkitError: The first thing that is not in order; all mistakes of the recipe itself at once.
    """
    recipe = resolve(request).recipe
    training_arguments.check_extra(recipe.train.extra)
    adapter = adapters.create(recipe.adapter.name, recipe.adapter.model_dump(exclude={"name"}))
    load.check_roles(adapter, recipe)
    done = [
        ("keys and values of the recipe", f"adapter {recipe.adapter.name}"),
        ("roles of columns", ", ".join(f"{role} = {name}" for role, name in recipe.columns.items())),
    ]
    files = {name: getattr(recipe.data, name) for name in sources.SPLITS} if recipe.data.hub is None else {}
    if recipe.data.hub is not None:
        files = {name: str(path) for name, path in catalog.sample(catalog.find(str(request.task))).items()}
        done.append(("hub data set", f"{recipe.data.hub}: named, not fetched"))
    learnt = None
    for name, file in files.items():
        if file is None:
            continue
        rows = load.file(file, recipe, adapter, None, recipe.data.model_dump(include=set(load.READING)))
        learnt = learnt or adapter.learn_labels(rows.rows)
        learnt.check_labels(rows.rows)
        taught = Counter(lesson for row in rows.rows for lesson in learnt.lessons(row)).most_common(5)
        found = ", ".join(f"{lesson} {count}" for lesson, count in taught)
        done.append((f"columns, texts and labels of {name}", f"{len(rows.rows)} rows: {found}"))
    return done
