"""Fine-tune BERT-family encoders on your own table of text, then put them to work."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "evaluate", "export", "finetune", "load_run", "predict"]

_PUBLIC = {
    "evaluate": "bertkit.engine.evaluate",
    "export": "bertkit.engine.export",
    "finetune": "bertkit.engine.finetune",
    "load_run": "bertkit.engine.predictor",
    "predict": "bertkit.engine.predict",
}


def __getattr__(name: str) -> Any:
    """Import a public function when it is first used: importing bertkit stays cheap."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'bertkit' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return __all__
