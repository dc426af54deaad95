"""Validate RO-Crates by rocrate-validator without a network, in the environment of `make .venv/validators/ready`.

Usage: python validate_crate.py CONTEXT.json CRATE.zip ...; prints what breaks a requirement, exits with 1 if any does.

The validator brings its profiles along but fetches the JSON-LD context, which is put into its cache here instead: that
of RO-Crate 1.2, which npm's ro-crate holds, with the two terms as 1.1 has them that a crate of this study uses and that
differ.
"""

import io
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from requests_cache import CachedSession
from rocrate_validator import models, services
from urllib3 import HTTPResponse

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
TERMS = {name: f"https://bioschemas.org/ComputationalWorkflow#{name}" for name in ("input", "output")}


def remember(address, content, cache):
    """Put an answer into a cache as if it had been fetched."""
    headers = {"Content-Type": "application/ld+json"}
    answer = requests.Response()
    answer.status_code, answer.url, answer.encoding = 200, address, "utf-8"
    answer.headers.update(headers)
    answer.request = requests.Request("GET", address, headers={}).prepare()
    answer._content = content
    answer.raw = HTTPResponse(
        io.BytesIO(content), headers=headers, status=200, preload_content=False, request_url=address
    )
    CachedSession(cache_name=cache, backend="sqlite").cache.save_response(answer)


def main(context, *crates):
    """Validate; returns the exit status."""
    found = False
    with TemporaryDirectory() as folder:
        cache = str(Path(folder) / "cache")
        known = json.loads(Path(context).read_text(encoding="utf-8"))
        known["@context"] |= TERMS
        remember(CONTEXT, json.dumps(known).encode(), cache)
        for crate in crates:
            settings = services.ValidationSettings(
                rocrate_uri=crate, profile_identifier="provenance-run-crate", offline=True, cache_path=cache,
                requirement_severity=models.Severity.REQUIRED,
            )  # fmt: skip
            for issue in services.validate(settings).get_issues(models.Severity.REQUIRED):
                print(Path(crate).name, issue.check.identifier, " ".join(issue.message.split()))
                found = True
    return int(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
