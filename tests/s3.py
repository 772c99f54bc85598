"""An S3 server in this process, by moto, with one bucket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import pytest


@dataclass(frozen=True)
class S3:
    """What a client needs, and one client; the secret is `hidden`."""

    options: dict[str, Any]
    store: Any


@contextmanager
def s3_server() -> Iterator[S3]:
    """A server with the empty bucket `bucket`; skips the test where moto or s3fs are missing."""
    pytest.importorskip("s3fs")
    fsspec = pytest.importorskip("fsspec")
    server = pytest.importorskip("moto.server")
    moto = server.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        endpoint = "http://{}:{}".format(*moto.get_host_and_port())
        # What an earlier server of this process held is still there.
        urlopen(Request(f"{endpoint}/moto-api/reset", method="POST")).close()
        client = {"region_name": "eu-west-1"}
        options = {"key": "k", "secret": "hidden", "endpoint_url": endpoint, "client_kwargs": client}
        store = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True, **options)
        store.mkdir("bucket")
        yield S3(options, store)
    finally:
        moto.stop()
