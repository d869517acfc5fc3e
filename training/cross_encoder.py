"""Train the cross-encoder: all-MiniLM-L6-v2 turned into a classifier of pairs. torch on a CPU.

Input `[CLS] a [SEP] b [SEP]` with token type 0 throughout (the exported graph has no other), mean of the last hidden
states, one linear unit. Word and position tables stay as they are: half of the weights, and the half that overfits.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import AutoModel

from training.data import Pair, core_pair

WIDTH = 384
MAX_TOKENS = 160
BATCH = 64
SMOOTHING = 0.02
CLS, SEP = 101, 102


class CrossEncoder(nn.Module):
    """(n, length) token ids and mask to (n,) logits."""

    def __init__(self, checkpoint: str) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(checkpoint, attn_implementation="sdpa")
        self.head = nn.Linear(WIDTH, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.encoder.embeddings.requires_grad_(requires_grad=False)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The logits that one answer serves both."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).float()
        mean = (hidden * weights).sum(1) / weights.sum(1)
        logits: torch.Tensor = self.head(nn.functional.dropout(mean, 0.1, self.training)).squeeze(-1)
        return logits


def encode(tokenizer: Tokenizer, one: str, other: str) -> list[int]:
    """Token ids of a pair. Each side is cut at half of the room, as at run time (verifier/cross_encoder.py)."""
    sides = [tokenizer.encode(text, add_special_tokens=False).ids[: (MAX_TOKENS - 3) // 2] for text in (one, other)]
    return [CLS, *sides[0], SEP, *sides[1], SEP]


def batches(codes: Sequence[list[int]], rng: Random | None) -> list[list[int]]:
    """Indices in batches of similar length; shuffled when there is a source of randomness."""
    order = list(range(len(codes)))
    if rng:
        rng.shuffle(order)
        pools = [
            sorted(order[at : at + BATCH * 60], key=lambda i: len(codes[i])) for at in range(0, len(order), BATCH * 60)
        ]
        found = [pool[at : at + BATCH] for pool in pools for at in range(0, len(pool), BATCH)]
        rng.shuffle(found)
        return found
    order.sort(key=lambda i: len(codes[i]))
    return [order[at : at + BATCH * 2] for at in range(0, len(order), BATCH * 2)]


def padded(rows: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and mask, (n, longest)."""
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    return ids, (ids != 0).long()


def train(
    model: CrossEncoder, tokenizer: Tokenizer, epochs: Sequence[Sequence[Pair]], *, seed: int, rate: float
) -> None:
    """Run over the pairs of each epoch, with a linear warm-up and decay over all of them; prints how it goes.

    The forward pass is in bfloat16, twice as fast where the CPU has AMX; the weights stay float32.
    """
    rng = Random(seed)
    steps = [batch for pairs in epochs for batch in _coded(tokenizer, pairs, rng)]
    learnt = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(learnt, lr=rate, weight_decay=0.01, fused=True)
    warm = max(1, len(steps) // 15)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda at: min(1.0, (at + 1) / warm) * max(0.02, 1 - at / len(steps))
    )
    model.train()
    start, recent = time.time(), []
    for at, (codes, pairs) in enumerate(steps):
        labels = torch.tensor([SMOOTHING + (1 - 2 * SMOOTHING) * pair.label for pair in pairs])
        weights = torch.tensor([pair.weight for pair in pairs])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = model(*padded(codes))
        losses = nn.functional.binary_cross_entropy_with_logits(found.float(), labels, reduction="none")
        loss = (losses * weights).sum() / weights.sum()
        loss.backward()
        nn.utils.clip_grad_norm_(learnt, 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        recent.append(float(loss.detach()))
        if at % 200 == 199:
            print(
                f"  step {at + 1}/{len(steps)}  loss {np.mean(recent[-200:]):.4f}  {time.time() - start:.0f} s",
                flush=True,
            )


def _coded(tokenizer: Tokenizer, pairs: Sequence[Pair], rng: Random) -> list[tuple[list[list[int]], list[Pair]]]:
    """The batches of an epoch, each pair in either order."""
    codes = [encode(tokenizer, *core_pair(pair, rng)) for pair in pairs]
    return [([codes[at] for at in batch], [pairs[at] for at in batch]) for batch in batches(codes, rng)]


@torch.no_grad()
def logits(
    model: CrossEncoder, tokenizer: Tokenizer, pairs: Sequence[Pair], *, turned: bool = False
) -> npt.NDArray[np.float32]:
    """The logit of each pair, the two texts in sorted order or `turned` round: (n,)."""
    model.eval()
    read = [core_pair(pair) for pair in pairs]
    codes = [encode(tokenizer, *(one[::-1] if turned else one)) for one in read]
    found = np.zeros(len(pairs), dtype=np.float32)
    for batch in batches(codes, None):
        found[batch] = model(*padded([codes[i] for i in batch])).numpy()
    return found


def tokenizer_at(folder: Path) -> Tokenizer:
    """The shipped tokenizer."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))
