"""A small checkpoint of every family that bertkit trains, with its own tokenizer class, and rows of every adapter."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

LIMIT = 96  # tokens
TEXTS = (
    "The plot was slow but the music saved the evening.",
    "A wonderful film: every scene shines, and the actors too!",
    "I laughed 😂 and cried 😭, ten out of ten 👍🏽",
    "Don't go there; the food was cold and the waiter rude.",
    "Straße, naïve, coöperate, ﬁne: words with marks.",
    "El niño comió jalapeños en el café de Zoë.",
    "Où est la façade de l'hôtel ? À côté du théâtre.",
    "Ada Lovelace was born in London in 1815.",
    "这部电影真的很好看，我非常喜欢。",
    "服务太差了，我不会再来。",
    "王小明住在北京，他在清华大学读书。",
    "كان الفيلم رائعا جدا وأحببت الممثلين.",
    "الخدمة سيئة ولن أعود أبدا.",
    "ولد نجيب محفوظ في القاهرة سنة ١٩١١.",
)
BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
ROBERTA = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
MPNET = ("<s>", "<pad>", "</s>", "[UNK]", "<mask>")
DEBERTA = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")
ALBERT = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class Family:
    """One model type.

    Args:
        tokenizer: Class of its tokenizer in transformers.
        special: Its special tokens in the order of their ids.
        shape: Entries of its config beside those that all families have.
        segments: Whether it tells the two texts of a pair apart.
        first_position: Where it counts positions from.
        open_ended: Whether it has no table of positions, so that a longer input fails nowhere.
    """

    tokenizer: str
    special: tuple[str, ...]
    shape: dict[str, object] = field(default_factory=dict)
    segments: bool = False
    first_position: int = 0
    open_ended: bool = False


NARROW = {"embedding_size": 16}
ONE_SEGMENT = {"type_vocab_size": 1}
RELATIVE = {
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "type_vocab_size": 0,
}
BUCKETS = {"position_buckets": 16, "share_att_key": True, "norm_rel_ebd": "layer_norm"}
FAMILIES = {
    "albert": Family("AlbertTokenizer", ALBERT, NARROW, segments=True),
    "bert": Family("BertTokenizer", BERT, segments=True),
    "camembert": Family("CamembertTokenizer", (), ONE_SEGMENT, first_position=2),
    "data2vec-text": Family("RobertaTokenizer", ROBERTA, ONE_SEGMENT, first_position=2),
    "deberta": Family("DebertaTokenizer", DEBERTA, RELATIVE, open_ended=True),
    "deberta-v2": Family("DebertaV2Tokenizer", DEBERTA, RELATIVE | BUCKETS, open_ended=True),
    "distilbert": Family("DistilBertTokenizer", BERT, {"hidden_dim": 64}),
    "electra": Family("ElectraTokenizer", BERT, NARROW, segments=True),
    "ernie": Family("BertTokenizer", BERT, segments=True),
    "megatron-bert": Family("BertTokenizer", BERT, segments=True),
    "mobilebert": Family("MobileBertTokenizer", BERT, NARROW | {"intra_bottleneck_size": 16}, segments=True),
    "modernbert": Family("TokenizersBackend", BERT, {"local_attention": 16}, open_ended=True),
    "mpnet": Family("MPNetTokenizer", MPNET, first_position=2),
    "rembert": Family("RemBertTokenizer", ALBERT, {"input_embedding_size": 16}, segments=True),
    "roberta": Family("RobertaTokenizer", ROBERTA, ONE_SEGMENT, first_position=2),
    "roberta-prelayernorm": Family("RobertaTokenizer", ROBERTA, ONE_SEGMENT, first_position=2),
    "xlm-roberta": Family("XLMRobertaTokenizer", ROBERTA, ONE_SEGMENT, first_position=2),
    "xlm-roberta-xl": Family("XLMRobertaTokenizer", ROBERTA, ONE_SEGMENT, first_position=2),
}

PAIRS = [
    {"text": first, "text_pair": second, "label": ("no", "yes")[first < second]}
    for first, second in zip(TEXTS, TEXTS[5:] + TEXTS[:5], strict=True)
]
TAGGED = [
    {
        "tokens": ["Ada", "Lovelace", "was", "born", "in", "London", "."],
        "tags": ["B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"],
    },
    {"tokens": list("王小明住在北京。"), "tags": ["B-PER", "I-PER", "I-PER", "O", "O", "B-LOC", "I-LOC", "O"]},
    {"tokens": ["ولد", "نجيب", "محفوظ", "في", "القاهرة", "."], "tags": ["O", "B-PER", "I-PER", "O", "B-LOC", "O"]},
    {"tokens": ["Zoë", "mag", "👍🏽", "Straße", "!"], "tags": ["B-PER", "O", "O", "B-LOC", "O"]},
]
ASKED = [
    ("Where was Ada Lovelace born?", "Ada Lovelace was born in London in 1815.", "London"),
    ("王小明在哪里读书？", "王小明住在北京，他在清华大学读书。", "清华大学"),
    ("أين ولد نجيب محفوظ؟", "ولد نجيب محفوظ في القاهرة سنة ١٩١١.", "القاهرة"),
    ("What did Zoë eat?", "Après le théâtre 😂 Zoë ate jalapeños, slowly and with joy.", "jalapeños"),
]
ROWS = {
    "sequence-classification": PAIRS,
    "token-classification": TAGGED * 4,
    "question-answering": [
        {
            "question": question,
            "context": context,
            "answers": {"text": [answer], "answer_start": [context.find(answer)]},
        }
        for question, context, answer in ASKED
    ]
    * 4,
}
RECIPE = """
[adapter]
name = "{adapter}"
[columns]
{columns}
[encode]
max_length = {limit}
truncate = "windows"
stride = 8
[train]
epochs = 1
batch_size = 8
"""


def build(name, folder):
    """Write the checkpoint of a family to a folder; its longest input is LIMIT tokens."""
    import transformers

    tokenizer = _tokenizer(FAMILIES[name]).train_new_from_iterator(TEXTS, 300, show_progress=False)
    transformers.set_seed(0)
    config = transformers.AutoConfig.for_model(
        name,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.2,
        max_position_embeddings=LIMIT + FAMILIES[name].first_position,
        **FAMILIES[name].shape,
    )
    network = transformers.AutoModel.from_config(config)
    # As in checkpoints that were trained elsewhere; transformers itself starts from zeros.
    network.get_input_embeddings().weight.data[tokenizer.pad_token_id] = 1.0
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_recipe(task, folder):
    """Write a recipe of an adapter to a folder, with its rows beside it as rows.jsonl; return its file."""
    columns = "\n".join(f'{role} = "{role}"' for role in ROWS[task][0])
    (folder / "recipe.toml").write_text(RECIPE.format(adapter=task, columns=columns, limit=LIMIT))
    lines = [json.dumps(row, ensure_ascii=False) for row in ROWS[task]]
    (folder / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder / "recipe.toml"


def prepared(task, folder, home):
    """Return the rows of an adapter, encoded for the checkpoint in a folder; its recipe is written to another one."""
    from bertkit.engine.prepare import prepare
    from bertkit.engine.request import Request, resolve

    recipe = write_recipe(task, home)
    rows = str(recipe.with_name("rows.jsonl"))
    return prepare(resolve(Request(str(recipe), model=str(folder), data=rows, validation=rows)))


def without_dropout(ready):
    """Return the model that a prepared training starts from, without dropout also while it trains."""
    import torch

    from bertkit.engine import model

    network = model.for_training(ready.checkpoint.folder, ready.adapter, 0)
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return network.train()


def padded(network, windows):
    """Return windows as the tensors of one padded batch."""
    import torch

    from bertkit.engine.batches import pad
    from bertkit.engine.forward import accepted_inputs

    accepted = accepted_inputs(network)
    return {name: torch.from_numpy(values) for name, values in pad(windows, 0).items() if name in accepted}


def _tokenizer(family):
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokenizer = getattr(transformers, family.tokenizer)
    if family.tokenizer == "TokenizersBackend":
        # ModernBERT has no class of its own: what its tokenizer.json says is all there is.
        raw = Tokenizer(models.BPE(vocab={token: index for index, token in enumerate(family.special)}, merges=[]))
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        raw.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
        names = {f"{token.strip('[]').lower()}_token": token for token in family.special}
        return tokenizer(tokenizer_object=raw, **names)
    if not family.special:
        return tokenizer()
    scored = tokenizer.model.__name__ == "Unigram"
    vocab = [(t, 0.0) for t in family.special] if scored else {t: i for i, t in enumerate(family.special)}
    return tokenizer(vocab=vocab)
