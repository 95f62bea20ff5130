"""Generates text with GPT-2, each part by hand: download, weights, tokenizer, model, sampling.

    python examples/gpt2_generate.py [REPOSITORY_OR_FOLDER] [PROMPT]

Without arguments it downloads the smallest GPT-2, 548 MB, into the cache that all Hugging Face tools share.
`hornbook.load(...)` does all of this in one line.
"""

import json
import sys
from pathlib import Path

from hornbook import (
    GPT2,
    BPETokenizer,
    GenerationConfig,
    GPT2Config,
    HornbookError,
    HubApi,
    ModelBundle,
    TextGenerator,
)


def main(source: str = "openai-community/gpt2", prompt: str = "The quick brown fox") -> None:
    """Continues `prompt` with the model of a Hub repository or a folder."""
    # Download the model, or take a folder as it is
    is_folder = Path(source).is_dir()
    bundle = ModelBundle.from_folder(source) if is_folder else HubApi().download_model(source)

    # Load the model: its shape, then its weights. GPT2Config.gpt2_small() is the shape of the smallest GPT-2.
    config = GPT2Config.from_dict(json.loads(bundle.config_path.read_text()))
    model = GPT2.from_hub_weights(config, bundle.load_tensors())

    # Load the tokenizer
    tokenizer = BPETokenizer.from_files(bundle.vocab_path, bundle.merges_path)

    # Generate
    generator = TextGenerator(model)
    output = generator.generate(
        tokenizer.encode(prompt), GenerationConfig(max_new_tokens=50, temperature=0.8, top_k=50, seed=0)
    )
    print(tokenizer.decode(output.ids))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except HornbookError as error:
        sys.exit(f"error: {error}")
