"""Writes a GPT-2 as a GGUF file, the format of llama.cpp."""

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

KINDS = {
    "F32": gguf.LlamaFileType.ALL_F32,
    "F16": gguf.LlamaFileType.MOSTLY_F16,
    "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}

TENSORS = {
    "wte": "token_embd",
    "wpe": "position_embd",
    "ln_f": "output_norm",
    "ln_1": "attn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}
"""Names in GGUF; those of block i get `blk.i.` before them."""


def convert(folder: str, kind: str) -> None:
    """Writes `FOLDER-KIND.gguf`, unless it is there.

    Args:
        folder: of the model in the layout of Hugging Face.
        kind: F32, F16 or Q8_0: what matrices become. All else stays F32.
    """
    path = Path(f"{folder}-{kind}.gguf")
    if not path.exists():
        _write(Path(folder), path, kind)


def _write(folder: Path, path: Path, kind: str) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.add_file_type(KINDS[kind])
    _add_shape(writer, config)
    _add_vocabulary(writer, folder, config)
    for name, tensor in load_file(folder / "model.safetensors").items():
        _add_tensor(writer, name.removeprefix("transformer."), tensor, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_shape(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    writer.add_block_count(config["n_layer"])
    writer.add_context_length(config["n_positions"])
    writer.add_embedding_length(config["n_embd"])
    writer.add_feed_forward_length(config["n_inner"] or 4 * config["n_embd"])
    writer.add_head_count(config["n_head"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])


def _add_vocabulary(writer: gguf.GGUFWriter, folder: Path, config: dict[str, Any]) -> None:
    ids = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    tokens = sorted(ids, key=ids.__getitem__)
    tokens += [f"[unused {i}]" for i in range(len(tokens), config["vocab_size"])]
    merges = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * len(tokens))
    writer.add_token_merges([line for line in merges if not line.startswith("#version")])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])


def _add_tensor(writer: gguf.GGUFWriter, name: str, tensor: NDArray[Any], kind: str) -> None:
    target = _target(name)
    if name.startswith("h.") and tensor.ndim == 2:
        tensor = np.ascontiguousarray(tensor.T)  # GPT-2 keeps [inputs, outputs], GGUF [outputs, inputs]
    if kind == "F32" or tensor.ndim == 1 or name == "wpe.weight":
        writer.add_tensor(target, tensor)
    elif kind == "F16":
        writer.add_tensor(target, tensor.astype(np.float16))
    else:
        quantized = gguf.quants.quantize(tensor, gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor(target, quantized, raw_dtype=gguf.GGMLQuantizationType.Q8_0)


def _target(name: str) -> str:
    """The name in GGUF: h.3.attn.c_attn.bias becomes blk.3.attn_qkv.bias."""
    stem, _, suffix = name.rpartition(".")
    if not stem.startswith("h."):
        return f"{TENSORS[stem]}.{suffix}"
    _, index, part = stem.split(".", 2)
    return f"blk.{index}.{TENSORS[part]}.{suffix}"
