"""What harnesses write down of a run: each format as answers of a row, by the row's id.

A line of JSON tells its format by its keys. Nothing else of lcgen knows these formats.
"""

from __future__ import annotations

import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from lcgen.errors import LcgenError, clause, many

CUT = frozenset(("length", "max_tokens", "max_output_tokens", "model_length"))
"""Reasons to stop that mean that the budget was used up."""
PICKLED = 512 * 2**20
"""Most bytes of one JSON document: a log is read as a whole."""


ZSTD = 93
"""How ZIP calls Zstandard."""


class Unread(ValueError):
    """An entry that is no answer, with what is wrong."""


@dataclass(frozen=True)
class Answer:
    """The samples of one row; `cut` tells of each whether the budget ended it, and is empty where the format does not say."""

    id: str
    samples: tuple[str, ...]
    cut: tuple[bool, ...] = ()
    form: str = field(default="", compare=False)
    """Whose format it was written in."""


def of(entry: Any) -> Answer:
    """The answer that one object of any known format holds; without samples where the model gave none. Raises Unread."""
    if not isinstance(entry, Mapping):
        raise Unread(f"is {type(entry).__name__}, but must be an object with 'id' and 'response'")
    for form, keys, read in _READERS:
        if keys <= {*entry}:
            found = read(entry)
            if not isinstance(found.id, str):
                raise Unread(f"has the id {str(found.id)[:80]!r}, but it must be a string")
            if not all(isinstance(sample, str) for sample in found.samples):
                raise Unread(
                    f"has a response to {found.id[:120]!r} that must be a string, or a list of strings for several samples"
                )
            if found.samples and found.cut and len(found.cut) != len(found.samples):
                raise Unread(
                    f"has {many(len(found.cut), 'reason')} to stop for {many(len(found.samples), 'response')} to {found.id[:120]!r}, but must have one for each"
                )
            return replace(found, form=form)
    named = ", ".join(map(repr, list(entry)[:6])) or "no keys"
    raise Unread(f"is an object with {named}, but must be an object with 'id' and 'response'")


def _listed(value: Any) -> tuple[Any, ...]:
    return () if value is None else tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _cut(reason: Any) -> bool:
    """Whether a reason to stop means that the budget was used up. Raises Unread for what is no reason."""
    if not (reason is None or isinstance(reason, str)):
        raise Unread(f"has a reason to stop that must be a string, not {type(reason).__name__}")
    return reason in CUT


def _text(content: Any) -> str:
    """What a message says: a text, or parts of which those of text count. Raises Unread for anything else."""
    parts = content if isinstance(content, list) else [{"type": "text", "text": "" if content is None else content}]
    said = [part.get("text") if part.get("type") == "text" else "" for part in parts if isinstance(part, Mapping)]
    texts = [text for text in said if isinstance(text, str)]
    if len(texts) < len(parts):
        raise Unread("has a message whose content must be a string, or a list of parts whose texts are strings")
    return "".join(texts)


def _own(entry: Mapping[str, Any]) -> Answer:
    """Ours: `id`, `response`, and `finish_reason` where it is known."""
    reasons = _listed(entry.get("finish_reason"))
    return Answer(entry["id"], _listed(entry["response"]), tuple(map(_cut, reasons)))


def _lm_eval(entry: Mapping[str, Any]) -> Answer:
    """A sample log of lm-evaluation-harness (`--log_samples`): the row is in `doc`, repeats are in the inner lists."""
    if not isinstance(entry["doc"], Mapping) or "id" not in entry["doc"]:
        raise Unread("is a sample log of another data set: its doc has no id")
    return Answer(entry["doc"]["id"], tuple(sample for repeats in _listed(entry["resps"]) for sample in _listed(repeats)))


def _ruler(entry: Mapping[str, Any]) -> Answer:
    """A prediction file of RULER: what we exported as `others` names the row."""
    others = entry["others"] if isinstance(entry["others"], Mapping) else {}
    if "id" not in others:
        raise Unread("is a RULER prediction without others.id, which `lcgen export --to ruler` writes: nobody can tell its row")
    return Answer(others["id"], _listed(entry["pred"]))


def _batch(entry: Mapping[str, Any]) -> Answer:
    """A line of an OpenAI batch's output or error file, of chat or completions."""
    response = entry.get("response")
    body = response.get("body") if isinstance(response, Mapping) else None
    choices = body.get("choices") if isinstance(body, Mapping) else None
    if not isinstance(choices, list):
        return Answer(entry["custom_id"], ())
    said, cut = [], []
    for choice in choices:
        if not isinstance(choice, Mapping):
            raise Unread("has a choice that is no object")
        message = choice.get("message")
        # Thinking may come apart from the answer, which is then empty where the budget ended inside it.
        said.append(_text(message.get("content") if isinstance(message, Mapping) else choice.get("text")))
        cut.append(_cut(choice.get("finish_reason")))
    return Answer(entry["custom_id"], tuple(said), tuple(cut))


def _inspect(entry: Mapping[str, Any]) -> Answer:
    """A sample of an Inspect log; epochs are joined by whoever reads the log."""
    output = entry["output"] if isinstance(entry["output"], Mapping) else {}
    said, cut = [], []
    for choice in _listed(output.get("choices")):
        message = choice.get("message") if isinstance(choice, Mapping) else None
        if not isinstance(message, Mapping):
            raise Unread("has a choice without a message")
        said.append(_text(message.get("content")))
        cut.append(_cut(choice.get("stop_reason")))
    return Answer(entry["id"], tuple(said), tuple(cut))


_READERS = (
    ("an OpenAI batch", frozenset(("custom_id",)), _batch),
    ("lm-evaluation-harness", frozenset(("doc", "resps")), _lm_eval),
    ("RULER", frozenset(("pred", "others")), _ruler),
    ("Inspect", frozenset(("id", "output", "messages")), _inspect),
    ("lcgen", frozenset(("id", "response")), _own),
)
"""Whose format, the keys that tell it, and what reads it."""


def lines(file: Iterable[bytes], fault: list[str]) -> Iterator[Answer]:
    """Answers of JSON lines; what cannot be read is put into `fault` with its line, and the rest goes on."""
    for number, line in enumerate(file, 1):
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not line.strip():
            continue
        try:
            yield of(json.loads(line))
        except Unread as error:
            fault.append(f"line {number} {error}")
        except (ValueError, RecursionError) as error:
            what = error.msg if isinstance(error, json.JSONDecodeError) else "it is no JSON in UTF-8"
            fault.append(f"line {number} cannot be read: {what}")


def log(path: Path, file: IO[bytes], fault: list[str]) -> Iterator[Answer] | None:
    """Answers of an Inspect log, as JSON or as the archive `.eval`; None where the file is neither. Raises LcgenError."""
    if path.suffix == ".eval":
        return _epochs(_archived(path), fault)
    if path.suffix != ".json":
        return None
    if path.stat().st_size > PICKLED:
        raise LcgenError(f"{path} has more than {PICKLED >> 20} MiB, too much for one JSON document. Write the log as .eval.")
    try:
        whole = json.load(file)
    except (ValueError, RecursionError):
        file.seek(0)  # lines of JSON under another name
        return None
    if not isinstance(whole, Mapping) or not isinstance(whole.get("samples"), list):
        file.seek(0)
        return None
    return _epochs(whole["samples"], fault)


_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, NotImplementedError, ValueError, RecursionError,
    RuntimeError,
)  # fmt: skip
"""What reading an archive that is damaged may raise."""


def _archived(path: Path) -> Iterator[Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(name for name in archive.namelist() if name.startswith("samples/") and name.endswith(".json")):
                if archive.getinfo(name).file_size > PICKLED:
                    raise LcgenError(f"{path}: {name} has more than {PICKLED >> 20} MiB.")
                info = archive.getinfo(name)
                yield json.loads(_zstd(path, info) if info.compress_type == ZSTD else archive.read(name))
    except _DAMAGE as error:
        raise LcgenError(
            f"{path} cannot be read as a log of Inspect: {clause(error)}. Convert it: inspect log convert {path} --to json --output-dir DIR."
        ) from error


def _zstd(path: Path, info: zipfile.ZipInfo) -> bytes:
    """A member that Inspect packed with Zstandard, which zipfile reads from Python 3.14 on. Raises ValueError where it is damaged."""
    import pyarrow

    with path.open("rb") as file:
        # The member's own header has a name and extra fields whose sizes the directory of the archive does not tell.
        file.seek(info.header_offset)
        head = file.read(30)
        if len(head) < 30 or head[:4] != b"PK\x03\x04":
            raise ValueError(f"{info.filename} is damaged")
        file.seek(sum(struct.unpack("<HH", head[26:])), 1)
        packed = file.read(info.compress_size)
    try:
        found: bytes = pyarrow.decompress(packed, decompressed_size=info.file_size, codec="zstd", asbytes=True)
    except (OSError, pyarrow.ArrowException) as error:
        raise ValueError(f"{info.filename} is damaged") from error
    if len(found) != info.file_size or zlib.crc32(found) != info.CRC:
        raise ValueError(f"{info.filename} is damaged")
    return found


def _epochs(samples: Iterable[Any], fault: list[str]) -> Iterator[Answer]:
    """Samples of a log, those of one row joined."""
    found: dict[str, Answer] = {}
    for number, sample in enumerate(samples, 1):
        try:
            answer = of(sample)
        except Unread as error:
            fault.append(f"sample {number} {error}")
            continue
        before = found.get(answer.id, Answer(answer.id, ()))
        found[answer.id] = Answer(answer.id, before.samples + answer.samples, before.cut + answer.cut)
    yield from found.values()
