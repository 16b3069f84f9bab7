"""Any causal language model through `transformers`: prompts are read once, in chunks, and all answers share what was read."""

from __future__ import annotations

import copy
import inspect
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from lcgen.checking.judge import Cost, Judge, Weighed, peak
from lcgen.checking.models import Hugging, load, shown
from lcgen.checking.prompts import Prompt
from lcgen.contract import Row
from lcgen.errors import LcgenError

if TYPE_CHECKING:
    from lcgen.checking.run import Job

Out = TypeVar("Out")
CHUNKS = {"cuda": 8192, "cpu": 2048}
LEAST_CHUNK = 64
"""A prompt that does not fit in chunks of so many tokens does not fit."""
FOREST = 512
"""Tokens of answers that are read at once."""
MASK = 1 << 25
"""Entries of an attention mask at most; longer prompts have fewer answers at once."""


class Causal(Judge):
    """A model, and the device that it is on."""

    reader: Hugging

    def __init__(self, job: Job, audience: str) -> None:
        model, tokenizer = load(job)
        self._take(model, shown(job.model), job.chunk)
        self.reader = Hugging(self.name, tokenizer, audience)

    @classmethod
    def of(cls, model: Any, name: str = "model") -> Causal:
        """A model that is there already; prompts must come as tokens."""
        made = cls.__new__(cls)
        made._take(model, name, 0)
        return made

    def _take(self, model: Any, name: str, chunk: int) -> None:
        self.model, self.name, self.device, self.cost = model, name, model.device, Cost()
        config = model.config.get_text_config()
        self.window = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
        self.chunk, self.forest = chunk or CHUNKS.get(self.device.type, CHUNKS["cpu"]), FOREST
        # Newer releases of the package call it otherwise.
        self._held = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"
        # Answers side by side need a mask of their own in every layer: layers that see all of the prompt, and attention that takes masks.
        kinds = getattr(config, "layer_types", None)
        plain = {*kinds} == {"full_attention"} if kinds else not getattr(config, "sliding_window", None)
        masks = config._attn_implementation in ("sdpa", "eager") and not getattr(model, "_is_stateful", False)
        self.together = bool(plain and masks)

    def batches(self, sizes: Sequence[int]) -> list[list[int]]:
        """Prompts of like length together, as many as one chunk holds."""
        found: list[list[int]] = []
        for place in sorted(range(len(sizes)), key=lambda place: -sizes[place]):
            if self.together and found and sizes[found[-1][0]] * (len(found[-1]) + 1) <= self.chunk:
                found[-1].append(place)
            else:
                found.append([place])
        return found

    def weigh(self, prompts: Sequence[Prompt]) -> list[list[Weighed]]:
        began = time.perf_counter()
        if len(prompts) > 1:
            try:
                found = self._weighed(prompts)
            except Exception as error:
                if not full(error):
                    raise
                self._free()
                half = len(prompts) // 2
                return [*self.weigh(prompts[:half]), *self.weigh(prompts[half:])]
        else:
            found = self._fitted(lambda: self._weighed(prompts), len(prompts[0]))
        self._spent(began, sum(prompt.stem + sum(len(b) for told in prompt.told for b in told.branches) for prompt in prompts))
        return found

    def follow(self, prompt: str, answer: str) -> list[float]:
        began, before = time.perf_counter(), self.reader.prompt(prompt).text
        stem = self.reader.encode(before)
        joined = self.reader.encode(f"{before}{answer}")
        begun = next((n for n, (a, b) in enumerate(zip(stem, joined)) if a != b), len(stem))
        found = self._fitted(lambda: self._followed(joined, begun), len(joined))
        self._spent(began, len(joined))
        return found

    def answer(self, prompt: Prompt, row: Row) -> str:
        began = time.perf_counter()
        ids = self.reader.encode(f"{prompt.tokens.text}{row['gen_prefix']}")
        room = row["max_new_tokens"] if self.window is None else min(row["max_new_tokens"], self.window - len(ids))
        said = self._fitted(lambda: self._greedy(ids, room, row["stop"]), len(ids))
        self._spent(began, len(ids))
        return said

    def _spent(self, began: float, tokens: int) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.cost.seconds += time.perf_counter() - began
        self.cost.tokens += tokens
        self.cost.peak = peak(self.device.type)

    def _fitted(self, work: Callable[[], Out], tokens: int) -> Out:
        """Does the work again with half the chunk wherever memory ends. Raises LcgenError where that does not help."""
        while True:
            try:
                return work()
            except Exception as error:
                if not full(error):
                    raise
                self._free()
                if self.chunk <= LEAST_CHUNK:
                    raise LcgenError("longer than the memory of the device holds, even read in the smallest chunks") from error
                self.chunk, self.forest = max(LEAST_CHUNK, min(self.chunk, tokens) // 2), max(16, self.forest // 2)

    def _free(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _forward(self, module: Any, ids: torch.Tensor, cache: Any, **more: Any) -> Any:
        """Reads tokens behind a cache, which grows by them."""
        with torch.inference_mode():
            return module(input_ids=ids, use_cache=True, **{self._held: cache}, **more)

    def _read(self, ids: torch.Tensor) -> Any:
        """The cache of some prompts, (prompts, tokens), read chunk by chunk; no token foretold."""
        from transformers import DynamicCache

        cache = DynamicCache() if self.together else DynamicCache(config=self.model.config)
        for at in range(0, ids.shape[1], self.chunk):
            self._forward(self.model.base_model, ids[:, at : at + self.chunk], cache)
        return cache

    def _weighed(self, prompts: Sequence[Prompt]) -> list[list[Weighed]]:
        stems = [prompt.stem for prompt in prompts]
        ids = torch.zeros((len(prompts), max(stems)), dtype=torch.int64)
        for number, prompt in enumerate(prompts):
            ids[number, : prompt.stem] = torch.from_numpy(prompt.tokens.ids[: prompt.stem])
        cache = self._read(ids.to(self.device))
        branches = [[(branch, told.scored) for told in prompt.told for branch in told.branches] for prompt in prompts]
        told = self._trees(cache, stems, branches) if self.together else [self._one_by_one(cache, branches[0])]
        found = []
        for prompt, values in zip(prompts, told):
            rest, own = iter(values), []
            for choice in prompt.told:
                logprobs = [next(rest) for _ in choice.branches]
                own.append(Weighed(logprobs, [sum(one) for one in logprobs]))
            found.append(own)
        return found

    def _one_by_one(self, cache: Any, branches: Sequence[tuple[Any, int]]) -> list[list[float]]:
        """The log-probabilities of answers, each behind a copy of the cache."""
        found = []
        for branch, scored in branches:
            ids = torch.from_numpy(branch).to(self.device)
            logits = self._forward(self.model, ids[None], copy.deepcopy(cache)).logits[0]
            found.append(_chosen(logits[scored - 1 : -1], ids[scored:]))
        return found

    def _trees(self, cache: Any, stems: Sequence[int], branches: Sequence[Sequence[tuple[Any, int]]]) -> list[list[list[float]]]:
        """The same, side by side: each answer sees its prompt and itself, and none of the others."""
        past = max(stems)
        found: list[list[list[float]]] = [[] for _ in stems]
        room = max(1, min(self.forest, MASK // max(1, past * len(stems))))
        rest = [list(own) for own in branches]
        while any(rest):
            taken = [_fitting(own, room) for own in rest]
            width = max(sum(len(branch) for branch, _ in own) for own in taken)
            ids = torch.zeros((len(stems), width), dtype=torch.int64)
            places, seen = torch.zeros_like(ids), torch.zeros((len(stems), width, past + width), dtype=torch.bool)
            for number, (stem, own) in enumerate(zip(stems, taken)):
                at = 0
                for branch, _ in own:
                    end = at + len(branch)
                    ids[number, at:end] = torch.from_numpy(branch)
                    places[number, at:end] = torch.arange(stem, stem + len(branch))
                    seen[number, at:end, :stem] = True
                    seen[number, at:end, past + at : past + end] = torch.ones(len(branch), len(branch), dtype=torch.bool).tril()
                    at = end
                # Padding sees itself, since a token that sees nothing has no attention to share out.
                rows = torch.arange(at, width)
                seen[number, rows, past + rows] = True
            mask = torch.zeros(seen.shape, dtype=self.model.dtype).masked_fill(~seen, torch.finfo(self.model.dtype).min)
            ids = ids.to(self.device)
            seeing = {"position_ids": places.to(self.device), "attention_mask": mask[:, None].to(self.device)}
            logits = self._forward(self.model, ids, cache, **seeing).logits
            for number, own in enumerate(taken):
                at = 0
                for branch, scored in own:
                    end = at + len(branch)
                    found[number].append(_chosen(logits[number, at + scored - 1 : end - 1], ids[number, at + scored : end]))
                    at = end
            cache.crop(-width)
            rest = [own[len(used) :] for own, used in zip(rest, taken)]
        return found

    def _followed(self, ids: Sequence[int], begun: int) -> list[float]:
        whole, found = torch.tensor([ids], device=self.device), list[float]()
        begun = max(1, begun)
        cache = self._read(whole[:, : begun - 1])
        for at in range(begun - 1, len(ids) - 1, self.forest):
            part = whole[:, at : min(at + self.forest, len(ids) - 1)]
            found += _chosen(self._forward(self.model, part, cache).logits[0], whole[0, at + 1 : at + 1 + part.shape[1]])
        return found

    def _greedy(self, ids: Sequence[int], room: int, stop: Sequence[str]) -> str:
        whole = torch.tensor([ids], device=self.device)
        cache, step, said, text = self._read(whole[:, :-1]), whole[:, -1:], list[int](), ""
        ends = self.reader.ends
        for _ in range(max(0, room)):
            step = self._forward(self.model, step, cache).logits[:, -1].argmax(-1, keepdim=True)
            if int(step) in ends:
                break
            said.append(int(step))
            text = self.reader.decode(said)
            if cut := [at for mark in stop if (at := text.find(mark)) >= 0]:
                return text[: min(cut)]
        return text


def full(error: BaseException) -> bool:
    """Whether an error says that memory has ended."""
    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in said or "allocate memory" in said)


def _chosen(logits: torch.Tensor, ids: torch.Tensor) -> list[float]:
    """The log-probability of each of these tokens (tokens,), given the logits before it (tokens, vocabulary)."""
    found: list[float] = logits.float().log_softmax(-1).gather(-1, ids[:, None])[:, 0].tolist()
    return found


def _fitting(branches: Sequence[tuple[Any, int]], room: int) -> list[tuple[Any, int]]:
    """The first branches that have together at most so many tokens, at least one."""
    found: list[tuple[Any, int]] = []
    for branch in branches:
        room -= len(branch[0])
        if found and room < 0:
            break
        found.append(branch)
    return found
