"""Makes tests/golden/tiny_lm/: what transformers computes from the built-in model and its float32 source.

    python tests/golden/make_tiny_lm.py SOURCE_FOLDER

`expected.npz` belongs to src/hornbook/builtin/tiny-lm (bfloat16 weights, widened to float32 before anything
is computed), `draft_expected.npz` to the folder that tools/make_builtin.py made it from. Both hold, for the
B texts of `TEXTS`, tokenized by transformers, packed one after the other and each computed alone:

| key         | dtype and shape           | meaning |
|-------------|---------------------------|---------|
| texts       | str [B]                   | `TEXTS` |
| ids         | int32 [N]                 | their tokens |
| offsets     | int32 [B+1]               | where each begins; the last entry is N |
| layer_means | float32 [n_layer+1, B, C] | hidden states averaged over the tokens; `ln_f` is in the last |
| mean        | float32 [B, C]            | the last of them: the vector of the text |
| greedy_0    | int32 [T+200]             | the first text and 200 greedy tokens, end of text ignored |
| greedy_1    | int32 [T+200]             | the same for the second text |
| passage     | str []                    | `PASSAGE` |
| passage_ids | int32 [200]               | its first 200 tokens |
| losses      | float32 [199]             | cross-entropy of each next token of the passage, in nats |

Only expected.npz:

| key         | dtype and shape           | meaning |
|-------------|---------------------------|---------|
| last_logits | float32 [B, 2, V]         | the last two positions of each text |

Only draft_expected.npz, about `SHORT_TEXT` (7 tokens) and `LAYERS_TEXT` (12 tokens):

| key           | dtype and shape            | meaning |
|---------------|----------------------------|---------|
| short_text    | str []                     | |
| short_ids     | int32 [7]                  | |
| short_logits  | float32 [7, V]             | every position |
| layers_text   | str []                     | |
| layers_ids    | int32 [12]                 | |
| layers_hidden | float32 [n_layer+1, 12, C] | the embeddings, then each block; the last has `ln_f` applied |
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from goldens import Arrays, write_npz, write_versions
from transformers import GPT2LMHeadModel, GPT2Tokenizer, logging

HERE = Path(__file__).resolve().parent
TINY_LM = HERE.parent.parent / "src" / "hornbook" / "builtin" / "tiny-lm"
FOLDER = HERE / "tiny_lm"

TEXTS = (
    "Once upon a time",
    "The old keeper climbed the stair with his lamp in one hand and a letter in the other. The wind had "
    "risen since noon, and the sea was breaking white upon the rocks below. He had read the letter twice "
    "already, when there came a knock at the door.\n\n"
    "“Who is there?” cried",
    "“No, sir!” said Mr. O'Dell; “on the 23rd of June, 1847, I paid £4,310 (less 2½ per cent.) -- and that",
)
SHORT_TEXT = "The cat sat on the mat."
LAYERS_TEXT = "It was a cold night, and the fire was low."
PASSAGE = (
    "There was once a miller who had three daughters and a very old horse. Every morning the eldest "
    "daughter led the horse down to the river, and every evening the youngest led it home again, while "
    "the second, who was thought to be clever, sat by the window and counted the carts upon the road. One "
    "day in autumn no carts came at all. She waited until the light was gone, and then she went to her "
    "father and told him what she had seen, or rather what she had not seen.\n\n"
    "“The bridge is down,” said the miller, “or the king is dead. We shall know which of the two by "
    "Sunday.” But Sunday came and they knew nothing. The flour stood in the sacks, the rats grew bold, "
    "and the horse, which had never in its life been asked for its opinion, lay down in the straw and "
    "would not get up. On the Monday a stranger knocked at the door. He was wet to the knees, he carried "
    "a bundle wrapped in sailcloth, and he asked whether he might sleep beside the oven, for he had "
    "walked eleven miles and could walk no more."
)

PASSAGE_LENGTH = 200
NEW_TOKENS = 200
LAST_POSITIONS = 2

# A greedy step whose two best logits are closer than this could differ by rounding alone.
GREEDY_MARGIN = 5e-4


class Reference:
    """A folder's model and tokenizer in transformers; ids are int64 [T], results have no batch axis."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = GPT2Tokenizer.from_pretrained(folder)
        self.model = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
        self.model.eval()

    def encode(self, text: str) -> torch.Tensor:
        """The ids of a text, nothing added."""
        return torch.tensor(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def hidden(self, ids: torch.Tensor) -> torch.Tensor:
        """All hidden states, [n_layer+1, T, C]."""
        return torch.stack(self.model(ids[None], output_hidden_states=True).hidden_states)[:, 0]

    def logits(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits of every position, [T, V]."""
        logits: torch.Tensor = self.model(ids[None]).logits[0]
        return logits

    def losses(self, ids: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of each next token, [T-1]."""
        return torch.nn.functional.cross_entropy(self.logits(ids)[:-1], ids[1:], reduction="none")

    def continue_greedily(self, prompt: torch.Tensor) -> torch.Tensor:
        """The prompt and `NEW_TOKENS` more, checked to be wider than rounding at every step."""
        settings: dict[str, Any] = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}
        mask = torch.ones_like(prompt[None])
        ids = self.model.generate(prompt[None], attention_mask=mask, max_new_tokens=NEW_TOKENS, **settings)[0]
        best = self.logits(ids)[len(prompt) - 1 : -1].topk(2).values
        margin = float((best[:, 0] - best[:, 1]).min())
        if len(ids) != len(prompt) + NEW_TOKENS or margin < GREEDY_MARGIN:
            raise RuntimeError(
                f"greedy text of {len(ids)} tokens, margin {margin:.2g}: choose another prompt"
            )
        return ids


def common(reference: Reference) -> Arrays:
    """What both files hold."""
    sequences = [reference.encode(text) for text in TEXTS]
    layer_means = torch.stack([reference.hidden(ids).mean(dim=1) for ids in sequences], dim=1)
    passage_ids = reference.encode(PASSAGE)[:PASSAGE_LENGTH]
    if len(passage_ids) != PASSAGE_LENGTH:
        raise RuntimeError(f"the passage has {len(passage_ids)} tokens, expected at least {PASSAGE_LENGTH}")
    return {
        "texts": np.array(TEXTS),
        "ids": torch.cat(sequences).int().numpy(),
        "offsets": np.cumsum([0, *map(len, sequences)], dtype=np.int32),
        "layer_means": layer_means.numpy(),
        "mean": layer_means[-1].numpy(),
        "greedy_0": reference.continue_greedily(sequences[0]).int().numpy(),
        "greedy_1": reference.continue_greedily(sequences[1]).int().numpy(),
        "passage": np.array(PASSAGE),
        "passage_ids": passage_ids.int().numpy(),
        "losses": reference.losses(passage_ids).numpy(),
    }


def last_logits(reference: Reference) -> Arrays:
    """What only the built-in model's file holds."""
    logits = [reference.logits(reference.encode(text))[-LAST_POSITIONS:] for text in TEXTS]
    return {"last_logits": torch.stack(logits).numpy()}


def every_position(reference: Reference) -> Arrays:
    """What only the source's file holds."""
    short_ids, layers_ids = reference.encode(SHORT_TEXT), reference.encode(LAYERS_TEXT)
    return {
        "short_text": np.array(SHORT_TEXT),
        "short_ids": short_ids.int().numpy(),
        "short_logits": reference.logits(short_ids).numpy(),
        "layers_text": np.array(LAYERS_TEXT),
        "layers_ids": layers_ids.int().numpy(),
        "layers_hidden": reference.hidden(layers_ids).numpy(),
    }


def make(source: Path) -> None:
    """Writes both files."""
    FOLDER.mkdir(exist_ok=True)
    with torch.no_grad():
        tiny, draft = Reference(TINY_LM), Reference(source)
        write_npz(FOLDER / "expected.npz", common(tiny) | last_logits(tiny))
        write_npz(FOLDER / "draft_expected.npz", common(draft) | every_position(draft))
    write_versions(FOLDER / "versions.json")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="the folder that tools/make_builtin.py was given")
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    make(parser.parse_args().source)


if __name__ == "__main__":
    main()
