"""Makes tests/golden/gpt2/: small, odd GPT-2 checkpoints and what transformers computes from them.

One folder a case, named after what is odd about it. The checkpoint is written by transformers' own
`save_pretrained` (the layouts that it does not write are rewritten with the safetensors package) and read
back from disk in float32 before anything is computed, so every number belongs to the file and not to the
model that made it.

`expected.npz` of each folder, for B sequences packed one after the other into N rows, each computed alone:

| key     | dtype and shape           | meaning |
|---------|---------------------------|---------|
| ids     | int32 [N]                 | the sequences |
| offsets | int32 [B+1]               | where each begins; the last entry is N |
| logits  | float32 [N, V]            | |
| hidden  | float32 [n_layer+1, N, C] | the embeddings, then each block; the last has `ln_f` applied |
| mean    | float32 [B, C]            | the last hidden state averaged over the tokens |
| loss    | float32 [B]               | mean cross-entropy of each next token, in nats |
| greedy  | int32 [n_positions]       | the first sequence continued greedily, end of text ignored |

`gradients.npz` (cases with `gradients=True`): d(sum of loss) / d(parameter), float32, under the names of the
checkpoint.
"""

import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from goldens import Arrays, write_npz, write_versions
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, logging

FOLDER = Path(__file__).resolve().parent / "gpt2"
WEIGHTS = "model.safetensors"

# Standard deviations that keep logits some units apart and let every bias and norm weight be felt. Positions
# outweigh tokens: where the head is tied, a strong embedding predicts its own token and greedy text stalls.
EMBEDDING_STD = 0.4
POSITION_STD = 0.6
BIAS_STD = 0.3
NORM_WEIGHT_STD = 0.4
LINEAR_GAIN = 2.0

# A greedy step whose two best logits are closer than this could differ by rounding alone.
GREEDY_MARGIN = 1e-3


@dataclass(frozen=True)
class Case:
    """One checkpoint: its seed, the lengths of its sequences, what its config says and how its file looks."""

    name: str
    seed: int
    lengths: tuple[int, ...]
    config: dict[str, Any]
    dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    layout: Literal["plain", "sharded", "bare_names", "own_head_said_tied"] = "plain"
    gradients: bool = field(default=False, kw_only=True)


def shape(vocab_size: int, n_positions: int, n_embd: int, n_head: int, n_layer: int) -> dict[str, int]:
    """The sizes of a GPT-2 under the names of its config.json."""
    return {
        "vocab_size": vocab_size,
        "n_positions": n_positions,
        "n_embd": n_embd,
        "n_head": n_head,
        "n_layer": n_layer,
    }


CASES = (
    Case("tied", 101, (5, 19, 3), shape(67, 19, 14, 2, 3), gradients=True),
    Case("untied", 102, (7, 17, 2), shape(61, 17, 15, 5, 2) | {"tie_word_embeddings": False}, gradients=True),
    Case("own_head_said_tied", 103, (3, 11), shape(83, 23, 12, 3, 1), layout="own_head_said_tied"),
    Case("sharded", 104, (11, 3, 23), shape(71, 23, 33, 3, 3), layout="sharded"),
    Case("bare_names", 105, (2, 29, 5), shape(73, 29, 26, 2, 2), layout="bare_names"),
    Case(
        "relu_n_inner",
        106,
        (5, 13, 31),
        shape(79, 31, 21, 3, 2) | {"n_inner": 47, "activation_function": "relu"},
    ),
    Case(
        "unscaled_silu",
        107,
        (3, 19, 7),
        shape(89, 37, 22, 2, 2) | {"scale_attn_weights": False, "activation_function": "silu"},
    ),
    Case(
        "inverse_layer_idx_gelu",
        108,
        (7, 2, 13),
        shape(97, 29, 20, 4, 3)
        | {
            "scale_attn_by_inverse_layer_idx": True,
            "reorder_and_upcast_attn": True,
            "activation_function": "gelu",
        },
    ),
    Case("large_epsilon", 109, (13, 5), shape(103, 31, 17, 1, 2) | {"layer_norm_epsilon": 1e-3}),
    Case("float16", 110, (2, 17), shape(131, 37, 25, 5, 1), "float16"),
    Case("bfloat16", 111, (11, 7), shape(113, 23, 28, 4, 2), "bfloat16"),
)


def randomise(model: GPT2LMHeadModel) -> None:
    """Draws every parameter anew, norms and biases too, which transformers starts at one and zero."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            if name.endswith("bias"):
                parameter.copy_(noise * BIAS_STD)
            elif ".ln_" in name:
                parameter.copy_(1 + noise * NORM_WEIGHT_STD)
            elif "wpe" in name:
                parameter.copy_(noise * POSITION_STD)
            elif "wte" in name or "lm_head" in name:
                parameter.copy_(noise * EMBEDDING_STD)
            else:
                parameter.copy_(noise * LINEAR_GAIN / math.sqrt(parameter.shape[0]))


def write_checkpoint(case: Case, folder: Path) -> None:
    """Writes config.json, generation_config.json and the weights in the case's layout."""
    last_id = case.config["vocab_size"] - 1
    config = GPT2Config(**case.config, bos_token_id=last_id, eos_token_id=last_id)
    model = GPT2LMHeadModel(config)
    randomise(model)
    model = model.to(getattr(torch, case.dtype))
    model.save_pretrained(folder, max_shard_size="61KB" if case.layout == "sharded" else "1GB")
    if case.layout == "bare_names":
        rewrite_with_bare_names(folder / WEIGHTS, config)
    elif case.layout == "own_head_said_tied":
        add_own_head(folder / WEIGHTS)


def rewrite_with_bare_names(path: Path, config: GPT2Config) -> None:
    """Makes the file look like the first published GPT-2: no `transformer.`, and the mask as a buffer."""
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in load_file(path).items()}
    mask = torch.tril(torch.ones(config.n_positions, config.n_positions))[None, None]
    for layer in range(config.n_layer):
        tensors[f"h.{layer}.attn.bias"] = mask.clone()
        tensors[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(tensors, path, metadata={"format": "pt"})


def add_own_head(path: Path) -> None:
    """Adds a head unlike the embeddings though the config says tied: transformers believes the file."""
    tensors = load_file(path)
    tensors["lm_head.weight"] = torch.randn_like(tensors["transformer.wte.weight"]) * EMBEDDING_STD
    save_file(tensors, path, metadata={"format": "pt"})


def run(model: GPT2LMHeadModel, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """Computes ids [T] alone: logits [T, V], hidden [n_layer+1, T, C], mean [C] and loss []."""
    output = model(ids[None], labels=ids[None], output_hidden_states=True)
    hidden = torch.stack(output.hidden_states)[:, 0]
    return {"logits": output.logits[0], "hidden": hidden, "mean": hidden[-1].mean(dim=0), "loss": output.loss}


def expected(model: GPT2LMHeadModel, sequences: list[torch.Tensor]) -> Arrays:
    """Runs all sequences and packs the results as the module docstring says."""
    with torch.no_grad():
        results = [run(model, ids) for ids in sequences]
        greedy = continue_greedily(model, sequences[0])
    packed = {
        "logits": torch.cat([result["logits"] for result in results]),
        "hidden": torch.cat([result["hidden"] for result in results], dim=1),
        "mean": torch.stack([result["mean"] for result in results]),
        "loss": torch.stack([result["loss"] for result in results]),
        "ids": torch.cat(sequences).int(),
        "greedy": greedy.int(),
    }
    arrays: Arrays = {name: tensor.numpy() for name, tensor in packed.items()}
    arrays["offsets"] = np.cumsum([0, *map(len, sequences)], dtype=np.int32)
    return arrays


def continue_greedily(model: GPT2LMHeadModel, prompt: torch.Tensor) -> torch.Tensor:
    """The prompt and its continuation up to n_positions, checked to be wider than rounding at every step."""
    length = model.config.n_positions
    settings: dict[str, Any] = {
        "max_length": length,
        "do_sample": False,
        "eos_token_id": None,
        "pad_token_id": 0,
    }
    ids = model.generate(prompt[None], attention_mask=torch.ones_like(prompt[None]), **settings)[0]
    best = model(ids[None]).logits[0, len(prompt) - 1 : -1].topk(2).values
    margin = float((best[:, 0] - best[:, 1]).min())
    if len(ids) != length or margin < GREEDY_MARGIN:
        raise RuntimeError(f"greedy text of {len(ids)} tokens, margin {margin:.2g}: choose another seed")
    return ids


def gradients(model: GPT2LMHeadModel, sequences: list[torch.Tensor]) -> Arrays:
    """Gradients of the summed mean losses; tied embeddings carry the sum of both their uses."""
    model.zero_grad()
    torch.stack([run(model, ids)["loss"] for ids in sequences]).sum().backward()
    return {name: parameter.grad.numpy() for name, parameter in model.named_parameters()}


def make(case: Case) -> None:
    """Writes one case's folder."""
    torch.manual_seed(case.seed)
    folder = FOLDER / case.name
    folder.mkdir(parents=True)
    write_checkpoint(case, folder)
    sequences = [torch.randint(case.config["vocab_size"], (length,)) for length in case.lengths]
    model = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    write_npz(folder / "expected.npz", expected(model, sequences))
    if case.gradients:
        write_npz(folder / "gradients.npz", gradients(model, sequences))


def main() -> None:
    """Makes the whole folder anew."""
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    shutil.rmtree(FOLDER, ignore_errors=True)
    for case in CASES:
        make(case)
    write_versions(FOLDER / "versions.json", seeds={case.name: case.seed for case in CASES})


if __name__ == "__main__":
    main()
