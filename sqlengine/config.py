"""Every setting, once: name, type, default, meaning. By keyword, `SET`, or environment `SQLENGINE_<NAME>`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlengine.errors import SettingError, did_you_mean

Value = bool | int | float | str | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `choices` restricts text; `unit` is for SHOW; None is allowed iff it is the default."""

    name: str
    type: type
    default: Value
    meaning: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None

    def _wanted(self) -> str:
        return "the name of a time zone" if self.name == "timezone" else _article(self.type)

    def parse(self, value: object) -> Value:
        """`value` (from Python, SQL or the environment) as this setting's type; SettingError if it does not fit."""
        if value is None or (isinstance(value, str) and value.lower() in ("none", "null") and self.default is None):
            if self.default is None:
                return None
            raise SettingError(f"setting '{self.name}' cannot be NULL")
        parsed: Value
        try:
            if self.type is bool:
                parsed = _parse_bool(value)
            elif self.type is int and self.name.endswith(("_limit", "_bytes")):
                parsed = parse_bytes(value)
            elif self.type is int:
                if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
                    raise ValueError
                parsed = int(value)  # type: ignore[call-overload]
            elif self.type is float:
                if isinstance(value, bool):
                    raise ValueError
                parsed = float(value)  # type: ignore[arg-type]
            elif self.type is tuple:
                parsed = _parse_roots(value)
            else:
                if self.name == "column_cache":
                    value = "off" if value in (False, 0) else str(value)
                if not isinstance(value, str):
                    raise ValueError
                parsed = _TEXTS.get(self.name, str)(value)
        except (TypeError, ValueError) as error:
            raise SettingError(f"setting '{self.name}' takes {self._wanted()}, not {value!r}") from error
        if self.choices:
            parsed = str(parsed).lower()
            if parsed not in self.choices:
                raise SettingError(f"setting '{self.name}' takes one of {', '.join(self.choices)}; not {value!r}")
        if self.minimum is not None and isinstance(parsed, int | float) and parsed < self.minimum:
            raise SettingError(f"setting '{self.name}' must be at least {self.minimum:g}; not {value!r}")
        return parsed


SETTINGS: Final[dict[str, Setting]] = {
    setting.name: setting
    for setting in (
        Setting("scheduler", str, "processes", "where tasks run", ("inline", "threads", "processes")),
        Setting("workers", int, None, "worker processes or threads; default: one per available core", minimum=1),
        Setting(
            "memory_limit",
            int,
            None,
            "bytes operators of one task may hold; default: unlimited ('2GB' works)",
            minimum=1,
        ),
        Setting("timeout", float, None, "seconds after which a query ends with an error", minimum=0),
        Setting("task_rows", int, 524_288, "rows a scan task covers, about", minimum=1),
        Setting("batch_rows", int, 131_072, "rows of a batch", minimum=1),
        Setting("split_bytes", int, 16 << 20, "bytes of text (CSV) a split covers, about", minimum=1),
        Setting("inline_bytes", int, 4 << 20, "below this input size a query runs inline, without workers", minimum=0),
        Setting(
            "broadcast_bytes", int, 64 << 20, "a join side estimated smaller is broadcast, not shuffled", minimum=0
        ),
        Setting("join_strategy", str, "auto", "forces the exchange of joins", ("auto", "broadcast", "shuffle")),
        Setting("shuffle_buckets", int, None, "buckets of a shuffle; default: from the estimated size", minimum=1),
        Setting("optimizer", bool, True, "off: the plan is run as written"),
        Setting("verify_plans", bool, False, "checks the plan's invariants after every rule"),
        Setting(
            "dialect",
            str,
            "duckdb",
            "the SQL that queries are written in",
            (
                "duckdb",
                "athena",
                "bigquery",
                "clickhouse",
                "databricks",
                "doris",
                "drill",
                "hive",
                "mysql",
                "oracle",
                "postgres",
                "presto",
                "redshift",
                "snowflake",
                "spark",
                "spark2",
                "sqlite",
                "starrocks",
                "teradata",
                "trino",
                "tsql",
            ),
        ),
        Setting("max_display_rows", int, 40, "rows the shell shows before it elides the middle", minimum=1),
        Setting("timezone", str, "UTC", "time zone in which TIMESTAMP WITH TIME ZONE is read, shown and taken apart"),
        Setting(
            "allowed_paths",
            tuple,
            None,
            "folders, files and prefixes of URLs that may be listed, read and written; default: all",
        ),
        Setting(
            "isolate_readers",
            bool,
            False,
            "on: files are read in worker processes only, small ones and schemas, too, so that a crash costs one error",
        ),
        Setting("lock_configuration", bool, False, "once true, no setting of this session can be changed any more"),
        Setting(
            "max_decompression_ratio",
            int,
            1000,
            "times its size that a compressed file over 64 MB may have when decompressed",
            minimum=1,
        ),
        Setting("decompressed_limit", int, None, "bytes a compressed file may have when decompressed", minimum=1),
        Setting(
            "download_limit",
            int,
            4 << 30,
            "bytes of a file that is fetched whole because its server sends no parts of files",
            minimum=1,
        ),
        Setting("remote_timeout", float, 30.0, "seconds a remote file's server may be silent", minimum=0.001),
        Setting("column_cache", str, "10%", "memory for decoded columns: a share of all, bytes ('2GB'), or off"),
        Setting("zone_maps", bool, True, "scans remember bounds of splits of text and HDF5; later filters skip splits"),
        Setting("progress", bool, True, "a progress line on queries that take over two seconds"),
    )
}


@dataclass(frozen=True, slots=True)
class Settings:
    """An immutable snapshot of all settings; `settings.workers` or `settings['workers']`."""

    values: Mapping[str, Value]

    def __getitem__(self, name: str) -> Value:
        return self.values[find_setting(name).name]

    def get_int(self, name: str) -> int:
        """A setting that is never NULL and whole."""
        value = self.values[name]
        assert isinstance(value, int)
        return value

    def get_optional_int(self, name: str) -> int | None:
        """A whole setting or None."""
        value = self.values[name]
        assert value is None or isinstance(value, int)
        return value

    def get_bool(self, name: str) -> bool:
        """A yes/no setting."""
        return bool(self.values[name])

    def get_str(self, name: str) -> str:
        """A text setting that is never NULL."""
        return str(self.values[name])

    def get_texts(self, name: str) -> tuple[str, ...] | None:
        """A list of texts or None."""
        value = self.values[name]
        assert value is None or isinstance(value, tuple)
        return value

    def get_optional_float(self, name: str) -> float | None:
        """A number or None."""
        value = self.values[name]
        assert value is None or isinstance(value, int | float)
        return value

    def bytes_of_memory(self, name: str) -> int:
        """A setting that is a share of this machine's memory, a number of bytes, or off (0)."""
        text = self.get_str(name.lower())
        if text == "off":
            return 0
        if not text.endswith("%"):
            return parse_bytes(text)
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
        return int(total * float(text[:-1]) / 100)

    @property
    def worker_count(self) -> int:
        """`workers`, or one per core this process may use."""
        workers = self.get_optional_int("workers")
        return (
            workers
            if workers is not None
            else len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else (os.cpu_count() or 1)
        )

    def replaced(self, changes: Mapping[str, object]) -> Settings:
        """A snapshot with `changes` parsed and applied; SettingError on an unknown name or unfit value."""
        values = dict(self.values)
        for name, value in changes.items():
            setting = find_setting(name)
            values[setting.name] = setting.parse(value)
        return Settings(values)


def find_setting(name: str) -> Setting:
    """The setting called `name` (case does not count); SettingError with the nearest names if there is none."""
    setting = SETTINGS.get(name.lower())
    if setting is None:
        raise SettingError(f"there is no setting {name!r}.{did_you_mean(name, SETTINGS)}")
    return setting


def default_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Defaults overridden by `SQLENGINE_<NAME>` variables."""
    environment = os.environ if environment is None else environment
    values: dict[str, Value] = {}
    for setting in SETTINGS.values():
        text = environment.get(f"SQLENGINE_{setting.name.upper()}")
        try:
            values[setting.name] = setting.default if text is None else setting.parse(text)
        except SettingError as error:
            raise SettingError(f"environment variable SQLENGINE_{setting.name.upper()}: {error.message}") from None
    return Settings(values)


_UNITS: Final = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}


def parse_bytes(value: object) -> int:
    """A number of bytes: 1024, '512MB', '1.5 GiB'. ValueError otherwise."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    text = str(value).strip().lower().replace("_", "")
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text[len(digits) :].strip()
    if isinstance(value, bool) or not digits or unit not in _UNITS:
        raise ValueError(f"{value!r} is not a number of bytes")
    return int(float(digits) * _UNITS[unit])


def known_share(text: str) -> str:
    """A share of memory ('25%'), a number of bytes, or 'off', as it is kept; ValueError if it is none of them."""
    text = text.strip().lower()
    if text in ("off", "false", "no", "none", "0", "0%"):
        return "off"
    if text.endswith("%"):
        if not 0 < float(text[:-1]) <= 100:
            raise ValueError(f"{text!r} is no share of memory")
        return text
    if parse_bytes(text) < 0:
        raise ValueError(f"{text!r} is not a number of bytes")
    return text


def known_zone(name: str) -> str:
    """A time zone as the zone database spells it; ValueError if it has none of that name."""
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        found = {each.lower(): each for each in zoneinfo.available_timezones()}.get(name.lower())
        if found is None:
            raise ValueError(f"there is no time zone {name!r}") from None
        return found
    return name


# Texts that have to mean something.
_TEXTS: Final[Mapping[str, Callable[[str], str]]] = {"timezone": known_zone, "column_cache": known_share}


def _parse_bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
    text = str(value).lower()
    if text not in words:
        raise ValueError(value)
    return words[text]


def _article(type_: type) -> str:
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text", tuple: "a list of texts"}
    return words[type_]


def _parse_roots(value: object) -> tuple[str, ...]:
    """Roots of file systems from a list, or from one text with commas: real paths, and URLs as they are."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str | os.PathLike) for part in parts):
        raise ValueError(value)
    texts = [os.fspath(part).strip() for part in parts]
    texts = [text.removeprefix("file://") for text in texts if text]
    return tuple(text if "://" in text else os.path.realpath(os.path.expanduser(text)) for text in texts)
