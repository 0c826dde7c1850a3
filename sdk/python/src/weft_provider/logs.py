# SPDX-License-Identifier: Apache-2.0
"""The log of a provider: lines on stderr, which the host passes on; data where the host wants data."""

from __future__ import annotations

import datetime
import json
import logging
import sys

_LEVELS = {"error": logging.ERROR, "warn": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG, "trace": 5, "critical": logging.CRITICAL}
_NAMES = {logging.WARNING: "WARN", logging.CRITICAL: "ERROR", 5: "TRACE"}


def _time(record: logging.LogRecord) -> str:
    return datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        trace = "\n" + self.formatException(record.exc_info) if record.exc_info else ""
        return f"{_time(record)} {_NAMES.get(record.levelno, record.levelname):>5} {record.name}: {record.getMessage()}{trace}"


class _Data(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {"message": record.getMessage()}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        level = _NAMES.get(record.levelno, record.levelname)
        return json.dumps({"timestamp": _time(record), "level": level, "fields": fields, "target": record.name}, ensure_ascii=False)


def configure(level: str, structured: bool) -> None:
    """Sends everything that is logged in this process to stderr, with the level and in the form that the host wants."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Data() if structured else _Lines())
    logging.addLevelName(5, "TRACE")
    logging.basicConfig(level=_LEVELS.get(level, logging.INFO), handlers=[handler], force=True)
