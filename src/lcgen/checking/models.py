"""Where models come from: the Hub, a folder, a GGUF file; and how their vocabulary reads a prompt."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lcgen import hub, wrapper
from lcgen.checking.prompts import Ids, Reader, Tokens
from lcgen.errors import LcgenError

if TYPE_CHECKING:
    from lcgen.checking.run import Job

FORMS = (
    "Give a Hub id (org/model), a model folder with a config.json, or a .gguf file; or leave out --model for the reference model."
)


class Hugging(Reader):
    """A vocabulary of `transformers`, and the chat template of its model where rows are for chat models."""

    def __init__(self, name: str, tokenizer: Any, audience: str) -> None:
        self.name, self.tokenizer, self.vocabulary = name, tokenizer, len(tokenizer)
        if not tokenizer.is_fast:
            raise LcgenError(f"The tokenizer of {name!r} cannot say where its tokens stand. Take a model with a tokenizer.json.")
        texts = {key: str(value) for key, value in tokenizer.special_tokens_map.items() if isinstance(value, str)}
        self.bos, template = texts.get("bos_token", ""), tokenizer.chat_template
        if audience == "chat" and isinstance(template, str):
            model = _Template(Path(name).name, template, texts)
            found = wrapper.load("auto", model, {})  # type: ignore[arg-type]  # all that it looks at is there
            assert found is not None
            self.before, self.after = found.before, found.after
        elif self.bos and (tokenizer("a")["input_ids"] or [None])[0] == tokenizer.bos_token_id:
            self.before = self.bos
        ends = {
            tokenizer.eos_token_id,
            tokenizer.convert_tokens_to_ids("<|im_end|>"),
            tokenizer.convert_tokens_to_ids("<|eot_id|>"),
        }
        self.ends = ends - {None, tokenizer.unk_token_id}

    def read(self, text: str) -> Tokens:
        found = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids: Ids = np.asarray(found["input_ids"], np.int64)
        ends = np.asarray(found["offset_mapping"], np.int64).reshape(-1, 2)[:, 1]
        # Some vocabularies leave white space out of their offsets: a token begins where the one before it ends.
        starts = np.maximum.accumulate(np.concatenate([[0], ends[:-1]])) if len(ids) else ids
        return Tokens(text, ids, starts)

    def encode(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, control tokens left out."""
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text


class _Template:
    """What `wrapper.load` looks at."""

    def __init__(self, name: str, template: str, texts: dict[str, str]) -> None:
        self.name, self.chat_template, self.special_texts = name, template, texts


def load(job: Job) -> tuple[Any, Any]:
    """Model and tokenizer, on the device of the job. Raises LcgenError where they cannot be had or do not fit."""
    try:
        import transformers
    except ImportError as error:
        raise LcgenError("--model needs the package transformers: run `pip install 'lcgen[check]'`.") from error
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    source, options = _source(job.model)
    device = torch.device(job.device)
    options |= {"trust_remote_code": job.trust}
    attention = {} if job.attention == "auto" else {"attn_implementation": job.attention}
    try:
        # The package's bars cannot all be switched off.
        with contextlib.redirect_stderr(io.StringIO()):
            tokenizer = transformers.AutoTokenizer.from_pretrained(source, **options)
            model = transformers.AutoModelForCausalLM.from_pretrained(
                source, dtype=_dtype(job.dtype, device), **attention, **options
            )
        return model.to(device).eval(), tokenizer
    except Exception as error:
        # The package's errors hold addresses and differ between versions: the first line says what matters.
        if isinstance(error, torch.cuda.OutOfMemoryError):
            raise LcgenError(
                f"The model {job.model!r} does not fit into the memory of {job.device}. Take a smaller one, or --device cpu."
            ) from error
        said = next(iter(str(error).strip().splitlines()), "")[:300]
        if isinstance(error, OSError) and not Path(source).exists():
            said = "it is neither in the local cache, nor could it be had from the Hub"
        elif isinstance(error, ImportError):
            said = f"it needs a package that is not installed ({said})"
        raise LcgenError(f"The model {job.model!r} cannot be loaded: {said or type(error).__name__}. {FORMS}") from error


def shown(name: str) -> str:
    """How a model is named: of what lies on this machine the last part of its path alone."""
    return Path(name).expanduser().absolute().name if Path(name).expanduser().exists() else name


def _source(name: str) -> tuple[str, dict[str, Any]]:
    """What `from_pretrained` is to be given for a name."""
    path = Path(name).expanduser()
    if path.is_dir():
        files = sorted(path.glob("*.gguf"))
        if (path / "config.json").is_file():
            return str(path), {}
        if len(files) == 1:
            return str(path), {"gguf_file": files[0].name}
        raise LcgenError(f"The folder {name} holds no config.json, and {len(files)} .gguf files. {FORMS}")
    if path.is_file():
        if path.suffix != ".gguf":
            raise LcgenError(f"{name} is no model. {FORMS}")
        return str(path.parent), {"gguf_file": path.name}
    if hub.is_hub_id(name):
        repo, _, revision = name.removeprefix("hf:").partition("@")
        # Where the Hub cannot be reached, the packages would try each file again for a minute, and say so each time.
        return repo, ({"revision": revision} if revision else {}) | ({} if hub.reached(repo) else {"local_files_only": True})
    raise LcgenError(f"There is no model {name!r}. {FORMS}")


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name != "auto":
        found: torch.dtype = getattr(torch, name)
        return found
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
