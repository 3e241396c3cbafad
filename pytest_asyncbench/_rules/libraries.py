"""What to use in the place of a library that waits in its caller's thread.

Most libraries have no rows: they are seen by the sockets that they wait for, where
nobody knows what for. The advice is by who stands between the user's line and that.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["INSTEAD", "instead_of"]

_HTTP = "httpx.AsyncClient or aiohttp"
_KAFKA = "aiokafka, or confluent_kafka's own AIOProducer and AIOConsumer"

INSTEAD: Mapping[str, str] = {
    "boto3": "aioboto3 or aiobotocore",
    "botocore": "aiobotocore",
    "cimpl": _KAFKA,  # what confluent_kafka's types in C say they are of
    "confluent_kafka": _KAFKA,
    "elasticsearch": "elasticsearch.AsyncElasticsearch",
    "ftplib": "aioftp",
    "google.cloud": "the async client of the same package (…AsyncClient)",
    "grpc": "grpc.aio",
    "httpx": "httpx.AsyncClient",
    "kafka": "aiokafka",
    "logging": "logging.handlers.QueueHandler, and a QueueListener that writes",
    "mysql.connector": "mysql.connector.aio",
    "MySQLdb": "aiomysql or asyncmy",
    "opensearchpy": "opensearchpy.AsyncOpenSearch",
    "oracledb": "oracledb.connect_async(...)",
    "paramiko": "asyncssh",
    "pg8000": "asyncpg, or psycopg.AsyncConnection",
    "pika": "aio-pika",
    "psycopg": "psycopg.AsyncConnection",
    "psycopg2": "asyncpg, or psycopg.AsyncConnection",
    "pymemcache": "aiomcache",
    "pymongo": "pymongo.AsyncMongoClient",
    "pymysql": "aiomysql or asyncmy",
    "redis": "redis.asyncio",
    "requests": _HTTP,
    "sh": "the same call with `_async=True`, awaited",
    "smtplib": "aiosmtplib",
    "urllib3": _HTTP,
    "valkey": "valkey.asyncio",
}
"""Packages, and what does the same and is awaited."""


def instead_of(name: str) -> str | None:
    """Give the advice for what has this qualified name; None where there is none."""
    if _is_awaited(name):
        return None
    packages = (package for package in INSTEAD if name.startswith(f"{package}."))
    return next((INSTEAD[package] for package in packages), None)


def _is_awaited(name: str) -> bool:
    """Tell whether it is what the advice would be: `httpx.AsyncClient.get`."""
    parts = (part.lstrip("_").lower() for part in name.split("."))
    return any(part == "aio" or part.startswith("async") for part in parts)
