"""What flattened batches bring on a GPU: tokens a second in training and in prediction, beside padded ones.

python benchmarks/gpu.py
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from _gpu_batches import IN_ORDER, MIXES, Layouts, Mix
from _gpu_clock import Measured, matmul_rate, measure, model_work
from _results import TABLES, environment, table, write_section

from bertkit.adapters._encoder import Window
from bertkit.engine.device import token_budget
from bertkit.engine.flat import forward
from bertkit.engine.varlen_attention import has_flash

STEPS = 12
ROUNDS = 7
HEADER = ["texts", "layout", "tokens a second", "times padded", "share of the ceiling", "peak, GiB"]
ABSENT = """## GPU

`python benchmarks/gpu.py`: {environment}

There was no GPU, so nothing was measured."""
NOTE = """## GPU

`python benchmarks/gpu.py`: {environment}

{device}. BERT-base with random weights, a classifier of two classes, bf16 autocast, dropout 0.1 in training, fused
AdamW. Medians of {rounds} rounds, layouts interleaved, batches ready on the device. Tokens are those of the texts,
never padding. "padded": a batch as it comes, padded to its longest window, attention by SDPA. "parts of similar
length": the same batch divided by length and padded. "flattened": the same batch in one row, attention
{attention}. In prediction "padded" takes {in_order} windows as they come; the others sort all windows
by length and take {budget:,} tokens. Ceiling: {ceiling:.0f} TFLOP/s, square bf16 matrices. Share: twice the matrix
weights of the layers a token, and the products in the attention, over the time; three times that in training.

### Training

{training}

### Prediction

{prediction}"""


@dataclass(frozen=True)
class Bench:
    """The model, and what it does.

    Args:
        network: BERT with a classifier.
        optimizer: Of its weights.
        device: "cuda" or "cpu".
        ceiling: Operations a second of large matrices.
        rounds: How often each work is measured.
    """

    network: Any
    optimizer: Any
    device: str
    ceiling: float
    rounds: int

    def training(self, mix: Mix, batch: int, steps: int) -> list[list[str]]:
        """Return the lines of one mix: some optimizer steps in each layout."""
        layouts = Layouts(self.network)
        windows = mix.windows(batch * steps, seed=batch)
        drawn = [layouts.of_step(windows[start : start + batch]) for start in range(0, len(windows), batch)]
        works: dict[str, Callable[[], None]] = {
            name: partial(self._train, [step[name] for step in drawn], batch) for name in drawn[0]
        }
        self.network.train()
        found = measure(works, self.device, self.rounds)
        self.optimizer.zero_grad()
        return self._lines(f"{mix.name}, batches of {batch}", windows, found, 3)

    def prediction(self, mix: Mix) -> list[list[str]]:
        """Return the lines of one mix: all windows in each layout."""
        layouts = Layouts(self.network)
        windows = mix.windows(mix.predicted, seed=0)
        works: dict[str, Callable[[], None]] = {
            name: partial(self._predict, batches) for name, batches in layouts.of_prediction(windows).items()
        }
        self.network.eval()
        found = measure(works, self.device, self.rounds)
        return self._lines(mix.name, windows, found, 1)

    def _train(self, steps: Sequence[Sequence[dict[str, Any]]], batch: int) -> None:
        for parts in steps:
            for inputs in parts:
                with torch.autocast(self.device, torch.bfloat16):
                    logits = forward(self.network, **inputs).logits
                targets = torch.zeros(len(logits), dtype=torch.long, device=self.device)
                loss = torch.nn.functional.cross_entropy(logits.float(), targets, reduction="sum") / batch
                loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad()

    def _predict(self, batches: Sequence[dict[str, Any]]) -> None:
        with torch.inference_mode(), torch.autocast(self.device, torch.bfloat16):
            logits = [forward(self.network, **inputs).logits for inputs in batches]
            torch.cat(logits).float().cpu()

    def _lines(self, texts: str, windows: Sequence[Window], found: dict[str, Measured], passes: int) -> list[list[str]]:
        lengths = [window.input_ids.size for window in windows]
        work = passes * model_work(self.network.config, lengths)
        return [
            [
                texts,
                name,
                f"{sum(lengths) / measured.median:,.0f}",
                f"{found['padded'].median / measured.median:.2f}",
                f"{work / measured.median / self.ceiling:.0%}",
                f"{measured.memory / 2**30:.1f}",
            ]
            for name, measured in found.items()
        ]


def bench(device: str, toy: bool) -> Bench:
    import transformers

    torch.manual_seed(0)
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = transformers.BertConfig(**(small if toy else {}))
    network = transformers.BertForSequenceClassification(config).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5, fused=True)
    return Bench(network, optimizer, device, matmul_rate(device, 256 if toy else 8192), 2 if toy else ROUNDS)


def report(device: str, toy: bool) -> str:
    made = bench(device, toy)
    mixes = [replace(mix, batches=(4,), predicted=20) for mix in MIXES] if toy else list(MIXES)
    steps = 2 if toy else STEPS
    training = [line for mix in mixes for batch in mix.batches for line in made.training(mix, batch, steps)]
    prediction = [line for mix in mixes for line in made.prediction(mix)]
    query = torch.empty(1, 1, made.network.config.hidden_size // made.network.config.num_attention_heads, device=device)
    return NOTE.format(
        environment=environment(),
        attention="by FlashAttention-2" if has_flash(query.bfloat16()) else "by SDPA, padded for it alone",
        device=device if toy else f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}",
        rounds=made.rounds,
        budget=token_budget(device),
        in_order=IN_ORDER,
        ceiling=made.ceiling / 1e12,
        training=table(HEADER, training),
        prediction=table(HEADER, prediction),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    # A tiny model that proves the script on any machine; its numbers mean nothing and are not written.
    parser.add_argument("--toy", action="store_true", help=argparse.SUPPRESS)
    toy = parser.parse_args().toy
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if toy:
        print("A tiny model on the CPU: these numbers mean nothing.\n")
        print(report("cpu", toy=True))
    elif torch.cuda.is_available():
        text = report("cuda", toy=False)
        write_section("gpu", text)
        print(text)
    else:
        print("There is no GPU here: nothing was measured.")
        # What was measured where there was one stays.
        if not TABLES.exists() or "<!-- gpu -->" not in TABLES.read_text(encoding="utf-8"):
            write_section("gpu", ABSENT.format(environment=environment()))


if __name__ == "__main__":
    main()
