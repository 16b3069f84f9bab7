"""What is read from the Hub: the files of a model, and at which commit a dataset stands.

Without a network, what was seen last serves.
"""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path

from lcgen import cache
from lcgen.errors import LcgenError
from lcgen.vault import replace

LOG = logging.getLogger(__name__)
MODEL_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "tokenizer.model")
LOCAL_FORMS = (
    "Without a network these work: a bundled name (`lcgen tokenizers`), a path to a tokenizer.json, "
    "a model folder that holds one."
)


def is_hub_id(name: str) -> bool:
    """Whether this has the form of a Hub id, `org/name` or `hf:...`."""
    return name.startswith("hf:") or bool(re.fullmatch(r"\w[\w.-]*/[\w.-]+(@[\w./-]+)?", name))


def model_folder(repo: str, revision: str | None) -> tuple[Path, str]:
    """Folder with the MODEL_FILES of a Hub model, and its commit; out of the local cache without a network."""
    import huggingface_hub

    wanted = f"'hf:{repo}'" + (f" at revision {revision!r}" if revision else "")
    try:
        info = huggingface_hub.HfApi().model_info(repo, revision=revision, timeout=20)
        there = {sibling.rfilename for sibling in info.siblings or ()}
        paths = [huggingface_hub.hf_hub_download(repo, file, revision=info.sha) for file in MODEL_FILES if file in there]
        if not paths:
            raise LcgenError(f"{wanted} holds none of {', '.join(MODEL_FILES)}.")
    except LcgenError:
        raise
    except Exception as error:
        # The package's errors hold addresses and request ids, and differ between versions: told apart by name.
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "GatedRepoError" in kinds:
            raise LcgenError(f"{wanted} is gated: accept its terms on the Hub, then run `hf auth login`.") from None
        if kinds & {"RepositoryNotFoundError", "RevisionNotFoundError", "HFValidationError"}:
            raise LcgenError(
                f"The Hub has no {wanted}, or it is private: check org/name, or run `hf auth login`. {LOCAL_FORMS}"
            ) from None
        paths = [path for file in MODEL_FILES if (path := _cached(repo, file, revision))]
        if not paths:
            raise LcgenError(
                f"The Hub could not be reached for {wanted}, and its local cache does not hold it. {LOCAL_FORMS}"
            ) from None
    folder = Path(paths[0]).parent
    return folder, folder.name


def reached(repo: str) -> bool:
    """Whether the Hub can be asked about a model at all, be it there or not."""
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        huggingface_hub.HfApi().model_info(repo, timeout=20)
    except (HfHubHTTPError, HFValidationError):
        return True
    except Exception:
        return False
    return True


def _cached(repo: str, file: str, revision: str | None) -> str | None:
    import huggingface_hub

    try:
        return str(huggingface_hub.hf_hub_download(repo, file, revision=revision, local_files_only=True))
    except Exception:
        return None


def dataset_commit(name: str) -> str:
    """Commit of a Hub dataset. Without a network the one seen last, so that a text once split stays usable."""
    import huggingface_hub
    from huggingface_hub.errors import RepositoryNotFoundError

    repository = "/".join(name.split("/")[:2])
    seen = cache.folder("hub") / f"{hashlib.sha256(repository.encode()).hexdigest()[:16]}.txt"
    try:
        commit = str(huggingface_hub.HfApi().dataset_info(repository, timeout=20).sha)
    except RepositoryNotFoundError as error:
        raise LcgenError(
            f"There is no file or folder {name!r}, and no dataset {repository!r} on the Hub that you may read. "
            "For a private or gated one log in first (hf auth login)."
        ) from error
    except Exception as error:
        if seen.exists() and re.fullmatch(r"[0-9a-f]{40}", commit := seen.read_text().strip()):
            LOG.warning(f"the Hub cannot be reached; taking {repository} as last seen ({commit[:8]}).")
            return commit
        first = (str(error).splitlines() or [""])[0]
        raise LcgenError(
            f"The dataset {repository!r} cannot be looked up on the Hub ({type(error).__name__}: {first}). "
            "Without a network, download it elsewhere and give its folder: hf:FOLDER."
        ) from error
    replace(seen, commit.encode())
    return commit
