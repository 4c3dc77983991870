"""A recipe's [train] table as TrainingArguments, and what [train.extra] may say."""

from __future__ import annotations

import ast
import difflib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertkit.data.metrics import smaller_is_better
from bertkit.errors import RecipeError
from bertkit.recipe.schema import TrainSettings

# bertkit decides these itself: by a named key of the recipe, or because a run would no longer be its own record.
OWN = {
    "num_train_epochs": "train.epochs",
    "per_device_train_batch_size": "train.batch_size",
    "gradient_accumulation_steps": "train.accumulation",
    "learning_rate": "train.learning_rate",
    "warmup_steps": "train.warmup",
    "weight_decay": "train.weight_decay",
    "max_grad_norm": "train.max_grad_norm",
    "seed": "train.seed",
    "bf16": "train.precision",
    "fp16": "train.precision",
    "activation_checkpointing": "train.gradient_checkpointing",
    "gradient_checkpointing": "train.gradient_checkpointing",
    "metric_for_best_model": "train.metric",
}
# Paths, tokens and reporting: a recipe is passed on to others and must not carry or send anything.
REFUSED_PREFIXES = (
    "hub_",
    "push_to_hub",
    "report_to",
    "output_dir",
    "logging_dir",
    "run_name",
    "resume_from",
    "project",
    "trackio_",
)
REFUSED = {
    "dataloader_pin_memory",
    "deepspeed",
    "disable_tqdm",
    "do_train",
    "enable_jit_checkpoint",
    "eval_strategy",
    "fsdp",
    "fsdp_config",
    "greater_is_better",
    "ignore_data_skip",
    "load_best_model_at_end",
    "logging_nan_inf_filter",
    "remove_unused_columns",
    "restore_callback_states_from_checkpoint",
    "save_only_model",
    "save_strategy",
    "save_total_limit",
    "use_cpu",
}
# bertkit's own batches, loss and evaluation never look at these: taking them would promise what is not done.
WITHOUT_EFFECT = {
    "auto_find_batch_size",
    "batch_eval_metrics",
    "data_seed",
    "dataloader_drop_last",
    "dataloader_in_order",
    "dataloader_multiprocessing_context",
    "dataloader_persistent_workers",
    "dataloader_prefetch_factor",
    "do_eval",
    "do_predict",
    "eval_accumulation_steps",
    "eval_do_concat_batches",
    "eval_steps",
    "eval_use_gather_object",
    "include_for_metrics",
    "label_names",
    "label_smoothing_factor",
    "length_column_name",
    "per_device_eval_batch_size",
    "prediction_loss_only",
    "save_steps",
    "train_sampling_strategy",
}


def check_extra(extra: Mapping[str, Any]) -> None:
    """Check [train.extra] against the fields of TrainingArguments, without importing transformers.

    Raises:
        RecipeError: All wrong keys, each with the reason.
    """
    if not extra:
        return
    known = _fields()
    mistakes = []
    for key in extra:
        if key in OWN:
            mistakes.append(f"train.extra.{key}: set {OWN[key]} instead")
        elif key in REFUSED or key.startswith(REFUSED_PREFIXES):
            mistakes.append(f"train.extra.{key}: bertkit sets this itself; a recipe must not")
        elif key in WITHOUT_EFFECT:
            mistakes.append(f"train.extra.{key}: it has no effect on the batches, loss and evaluation of bertkit")
        elif key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            guess = f'; did you mean "{close[0]}"?' if close else ""
            mistakes.append(f"train.extra.{key}: TrainingArguments has no such field{guess}")
    if mistakes:
        raise RecipeError("\n".join(mistakes))


def build(train: TrainSettings, folder: Path, *, device: str, precision: str, metric: str) -> Any:
    """Return the TrainingArguments of a recipe.

    Args:
        train: With every "auto" decided.
        folder: For checkpoints.
        device: "cuda", "mps" or "cpu".
        precision: "fp32", "bf16" or "fp16".
        metric: Selects the best epoch.
    """
    from transformers import TrainingArguments

    args = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=float(train.epochs),
        per_device_train_batch_size=train.batch_size,
        learning_rate=float(train.learning_rate),
        warmup_steps=train.warmup,
        weight_decay=train.weight_decay,
        max_grad_norm=train.max_grad_norm,
        seed=train.seed,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=device == "cpu",
        activation_checkpointing=train.gradient_checkpointing,
        eval_strategy="epoch",
        save_strategy="epoch",
        # Otherwise the patience would start anew after a resume.
        restore_callback_states_from_checkpoint=True,
        load_best_model_at_end=True,
        metric_for_best_model=metric,
        greater_is_better=not smaller_is_better(metric),
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        dataloader_pin_memory=device == "cuda",
        disable_tqdm=True,
        report_to=[],
        **{"logging_steps": 10, **train.extra},
    )
    # Several GPUs in one process would be DataParallel, which the exact loss does not fit.
    args._n_gpu = min(args.n_gpu, 1)
    return args


def _fields() -> list[str]:
    spec = importlib.util.find_spec("transformers")
    folder = Path(str(spec.origin)).parent if spec else Path()
    tree = ast.parse((folder / "training_args.py").read_text(encoding="utf-8"))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "TrainingArguments")
    return [node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
