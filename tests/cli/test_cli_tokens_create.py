"""`hornbook tokens create`: the tokenizer that the tokenizers package trains and reads, or no file at all."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import unicodedata
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import tokenizers

from hornbook.tokenizer.training import read_texts, suggest_vocab_size

Cli: TypeAlias = Callable[..., Any]

LETTERS = str.maketrans("0123456789", "ghijklmnop")
SPECIAL = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
TABLE = "id\tsentence1\tsentence2\tlabel\r\n" + "".join(
    f"{n}\tThe cat sat on mat {n}.\t  Cafe\u0301s, cafés: {'the dog ' * (n % 5)}\t{n % 2}\r\n"
    for n in range(97)
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data_sets").mkdir()
    (tmp_path / "data_sets" / "train.tsv").write_bytes(TABLE.encode())
    return tmp_path


def trained_by_tokenizers(texts: list[str], vocab_size: int) -> dict[str, Any]:
    oracle = tokenizers.Tokenizer(tokenizers.models.BPE())
    oracle.normalizer = tokenizers.normalizers.Sequence(
        [tokenizers.normalizers.Strip(), tokenizers.normalizers.NFC()]
    )
    oracle.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    oracle.decoder = tokenizers.decoders.ByteLevel()
    oracle.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=SPECIAL,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    oracle.train_from_iterator(texts, trainer)
    document: dict[str, Any] = json.loads(oracle.to_str())
    return document


def same_settings(document: dict[str, Any]) -> dict[str, Any]:
    """Without what means nothing: whether offsets are trimmed where nothing is decoded or split."""
    for part in ("pre_tokenizer", "decoder"):
        document[part] = {k: v for k, v in document[part].items() if k == "type" or part == "pre_tokenizer"}
    return document


def test_the_file_is_what_tokenizers_would_write(cli: Cli, here: Path) -> None:
    ended = cli("tokens", "create", "-v", "280")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "tokenizer.json: 280 tokens, 5 of them special\n"
    written = json.loads((here / "tokenizer.json").read_text())
    texts = list(read_texts([here / "data_sets"]))
    assert same_settings(written) == same_settings(trained_by_tokenizers(texts, 280))


def test_real_tables(cli: Cli, tmp_path: Path, test_data: Path) -> None:
    output = tmp_path / "t.json"
    table = test_data / "dev" / "paws" / "dev.tsv"
    assert cli("tokens", "create", "--output", output, "--vocab-size", "6000", table).code == 0
    texts = list(read_texts([table]))
    written = json.loads(output.read_text())
    assert written["model"] == trained_by_tokenizers(texts, 6000)["model"]
    theirs = tokenizers.Tokenizer.from_file(str(output))
    assert [theirs.token_to_id(token) for token in SPECIAL] == list(range(5))
    for text in texts[::97]:
        encoded = theirs.encode(f" {text} ")
        assert (encoded.ids[0], encoded.ids[-1]) == (1, 2)
        assert theirs.decode(encoded.ids) == unicodedata.normalize("NFC", text.strip())


@pytest.mark.parametrize(
    ("words", "size"), [(3, 5000), (1666, 5000), (1667, 5001), (16666, 49998), (16667, 50000), (40000, 50000)]
)
def test_the_default_size(words: int, size: int) -> None:
    texts = (f"Word{n} word{n} {n}" for n in range(words // 2))
    odd = ["odd"] * (words % 2)
    assert suggest_vocab_size([*texts, *odd]) == size


def test_the_default_size_is_used(cli: Cli, here: Path) -> None:
    words = [sha256(bytes([n % 256, n // 256])).hexdigest().translate(LETTERS) for n in range(700)]
    (here / "data_sets" / "words.tsv").write_text("".join(f"{word}!\n{word}!\n" for word in words))
    assert cli("tokens", "create").out == "tokenizer.json: 5,000 tokens, 5 of them special\n"


@pytest.mark.parametrize("words", [("-",), ("/dev/stdin",), ()], ids=str)
@pytest.mark.parametrize("size", [("-v", "280"), ()], ids=str)
def test_texts_from_a_pipe(
    process: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    size: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "the cat sat on the mat, the dog " * 5
    Path("a.txt").write_text(text)
    assert process("tokens", "create", *size, "-o", "from-file.json", "a.txt").code == 0
    ended = process("tokens", "create", *size, "-o", "t.json", *words, stdin=text.encode())
    assert (ended.code, ended.out.split(":")[0]) == (0, "t.json")
    assert Path("t.json").read_bytes() == Path("from-file.json").read_bytes()


def test_a_pipe_beside_files_and_in_their_order(cli: Cli, here: Path) -> None:
    (here / "a.txt").write_text("quagga! quagga!")
    (here / "b.txt").write_text("zebra! zebra!")
    pipe = here / "pipe"
    os.mkfifo(pipe)
    keeper = os.open(pipe, os.O_RDWR)
    writer = os.open(pipe, os.O_WRONLY)
    os.write(writer, b"okapi! okapi!")
    os.close(writer)
    threading.Timer(0.5, os.close, [keeper]).start()
    assert cli("tokens", "create", "-o", "t.json", "a.txt", "-", pipe, stdin=b"zebra! zebra!").code == 0
    assert {"quagga", "zebra", "okapi"} <= json.loads((here / "t.json").read_text())["model"]["vocab"].keys()


def test_the_tokenizer_on_stdout(cli: Cli, here: Path) -> None:
    assert cli("tokens", "create", "-v", "280", "-o", "t.json").code == 0
    ended = cli("tokens", "create", "-v", "280", "-o", "-")
    assert ended.stdout == (here / "t.json").read_bytes()
    assert ended.err == "280 tokens, 5 of them special\n"
    assert not (here / "-").exists()


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"", "stdin: is empty"),
        (b"a\n\xff", "stdin: line 2 is not UTF-8"),
        (b"a\0", "stdin: has a zero byte"),
    ],
)
def test_a_damaged_pipe_is_told_as_stdin(cli: Cli, here: Path, stdin: bytes, message: str) -> None:
    ended = cli("tokens", "create", "-o", "t.json", "-", stdin=stdin)
    assert (ended.code, ended.stdout) == (3, b"")
    assert ended.err.startswith(f"error: {message}")
    assert tempfile.gettempdir() not in ended.err
    assert not (here / "t.json").exists()


def test_an_endless_pipe_is_refused(cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["hornbook.cli.tokens.create"], "MAX_PIPED_BYTES", 100)
    ended = cli("tokens", "create", "-o", "t.json", "-", stdin=b"word " * 50)
    assert ended.code == 3
    assert "stdin: over 100 bytes" in ended.err


def test_the_folder_goes_before_a_pipe(cli: Cli, here: Path) -> None:
    expected = cli("tokens", "create", "-v", "280").out
    assert cli("tokens", "create", "-v", "280", "--force", stdin=b"zebra").out == expected


def test_a_file_as_data_dir(cli: Cli, here: Path) -> None:
    ended = cli("tokens", "create", "-d", here / "data_sets" / "train.tsv")
    assert ended.code == 3
    assert "train.tsv is a file, not a folder" in ended.err


def test_stdin_is_read_once(cli: Cli, here: Path) -> None:
    assert cli("tokens", "create", "-", "-", stdin=b"the").code == 2


def test_fewer_tokens_than_asked_for(cli: Cli, here: Path) -> None:
    ended = cli("tokens", "create", "-v", "9999")
    assert "no more pairs occur 2 times" in ended.err
    assert ended.out.startswith("tokenizer.json: ")
    assert "9,999" not in ended.out


def test_every_table_of_the_folder(cli: Cli, here: Path) -> None:
    (here / "data_sets" / "dev.tsv").write_text("zebra!\nzebra!\n")
    (here / "data_sets" / "notes.txt").write_text("quagga!\nquagga!\n")
    assert cli("tokens", "create", "-d", "data_sets", "-o", "t.json").code == 0
    vocab = json.loads((here / "t.json").read_text())["model"]["vocab"]
    assert "zebra" in vocab
    assert "quagga" not in vocab
    assert cli("tokens", "create", "-o", "u.json", "data_sets", "data_sets/notes.txt").code == 0
    assert "quagga" in json.loads((here / "u.json").read_text())["model"]["vocab"]


def test_an_output_that_exists(cli: Cli, here: Path) -> None:
    output = here / "tokenizer.json"
    output.write_text("mine")
    ended = cli("tokens", "create")
    assert (ended.code, output.read_text()) == (2, "mine")
    assert "tokenizer.json exists; --force replaces it" in ended.err
    assert cli("tokens", "create", "--force").code == 0
    assert json.loads(output.read_text())["version"] == "1.0"


def test_an_output_that_is_an_input(cli: Cli, here: Path) -> None:
    ended = cli("tokens", "create", "--force", "-o", "data_sets/train.tsv")
    assert ended.code == 2
    assert (here / "data_sets" / "train.tsv").read_bytes() == TABLE.encode()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("-d", "missing"), 3, "missing: no such folder"),
        (("-d", "empty"), 3, "empty: no *.tsv file in this folder"),
        (("empty",), 3, "empty: no *.tsv file in this folder"),
        (("missing.txt",), 3, "missing.txt: no such file"),
        (("latin1.tsv",), 3, "latin1.tsv: line 2 is not UTF-8"),
        (("binary.txt",), 3, "binary.txt: line 1 has a zero byte"),
        (("numbers.tsv",), 3, "the texts have no words"),
        (("-v", "260"), 2, "260"),
        (("-v", "many"), 2, "many"),
        (("--min-frequency", "0"), 2, "0"),
        (("-o", "missing/t.json"), 5, "missing"),
    ],
)
def test_what_cannot_be_done_leaves_no_file(
    cli: Cli, here: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    (here / "empty").mkdir()
    (here / "latin1.tsv").write_bytes(b"text\ncaf\xe9\n")
    (here / "binary.txt").write_bytes(b"\x7fELF\0")
    (here / "numbers.tsv").write_text("1\t2\n3\t4\n")
    before = sorted(here.rglob("*"))
    ended = cli("tokens", "create", *arguments)
    assert (ended.code, ended.stdout) == (code, b"")
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert sorted(here.rglob("*")) == before


def test_a_folder_that_cannot_be_written(cli: Cli, here: Path) -> None:
    (here / "tokenizer.json").mkdir()
    assert cli("tokens", "create").code == 5
    assert list((here / "tokenizer.json").iterdir()) == []


def test_progress_on_a_terminal(cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = sys.modules["hornbook.cli.tokens.create"]  # in its package, the command has the module's name
    monkeypatch.setattr(command, "PATIENCE_S", -1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown = cli("tokens", "create", "-v", "280").err
    assert "Counting words" in shown
    assert "Learning merges" in shown
    assert cli("tokens", "create", "--force", "--quiet", "-v", "280").err == ""


def test_progress_is_for_terminals(here: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "hornbook", "tokens", "create", "-v", "280"],
        capture_output=True, text=True, check=False, cwd=here, timeout=60,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")


def test_wordpiece(cli: Cli, tmp_path: Path, test_data: Path) -> None:
    """Tokens differ by ties alone, which tokenizers decides by the order of its hash table."""
    table, output = test_data / "dev" / "paws" / "dev.tsv", tmp_path / "t.json"
    assert cli("tokens", "create", "--kind", "wordpiece", "-v", "6000", "-o", output, table).code == 0
    oracle = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token=SPECIAL[0]))
    oracle.normalizer = tokenizers.normalizers.Sequence(
        [tokenizers.normalizers.Strip(), tokenizers.normalizers.NFC()]
    )
    oracle.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=6000, min_frequency=2, special_tokens=SPECIAL, limit_alphabet=1000, show_progress=False
    )
    texts = list(read_texts([table]))
    oracle.train_from_iterator(texts, trainer)
    ours = tokenizers.Tokenizer.from_file(str(output))
    assert ours.get_vocab_size() == oracle.get_vocab_size() == 6000
    assert len(ours.get_vocab().keys() - oracle.get_vocab().keys()) < 0.02 * 6000
    assert [ours.token_to_id(token) for token in SPECIAL] == list(range(5))
    encoded = ours.encode(" The dog , in 1999. ")
    assert ours.decode(encoded.ids) == "The dog, in 1999."
    assert (encoded.ids[0], encoded.ids[-1]) == (1, 2)
    assert not any(0 in ours.encode(text).ids for text in texts[::97])
