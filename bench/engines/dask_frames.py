"""Dask: the eight queries on dask.dataframe, a local cluster with a process a core. Decimals become float64."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from dask.distributed import Client, LocalCluster

from bench.engines import NoQuery
from bench.engines.pandas_frames import Q19_CASES, as_frame, day, revenue

Read = Callable[[str, list[str]], Any]

# Row groups of a partition: about half a million rows of lineitem.
_ROW_GROUPS = 10


class DaskEngine:
    """Runs the functions of this module on a local cluster."""

    def __init__(self, folder: Path, cores: int) -> None:
        self._folder = folder
        self._cluster = LocalCluster(n_workers=cores, threads_per_worker=1, dashboard_address=None)
        self._client = Client(self._cluster)

    def run(self, query: str) -> pa.Table:
        """Answer by the function of that query."""
        if query not in QUERIES:
            raise NoQuery(query)
        return pa.Table.from_pandas(QUERIES[query](self._read), preserve_index=False)

    def close(self) -> None:
        """End the workers."""
        self._client.close()
        self._cluster.close()

    def _read(self, table: str, columns: list[str]) -> Any:
        # Not dd.read_parquet: it fails on the string_view columns that tpchgen declares.
        path = self._folder / f"{table}.parquet"
        groups = pq.read_metadata(path).num_row_groups
        starts = range(0, groups, _ROW_GROUPS)
        empty = as_frame(pq.read_schema(path).empty_table().select(columns))
        return dd.from_map(_read_part, starts, path=path, columns=columns, meta=empty)


def _read_part(start: int, path: Path, columns: list[str]) -> pd.DataFrame:
    file = pq.ParquetFile(path)
    wanted = range(start, min(start + _ROW_GROUPS, file.num_row_groups))
    return as_frame(file.read_row_groups(list(wanted), columns=columns, use_threads=False))


def q1(read: Read) -> pd.DataFrame:
    """Pricing summary."""
    keys = ["l_returnflag", "l_linestatus"]
    values = ["l_quantity", "l_extendedprice", "l_discount", "l_tax"]
    lines = read("lineitem", [*keys, *values, "l_shipdate"])
    lines = lines[lines["l_shipdate"] <= day(1998, 9, 2)]
    lines = lines.assign(disc_price=revenue(lines))
    lines = lines.assign(charge=lines["disc_price"] * (1 + lines["l_tax"]))
    summary = lines.groupby(keys).agg(
        sum_qty=("l_quantity", "sum"),
        sum_base_price=("l_extendedprice", "sum"),
        sum_disc_price=("disc_price", "sum"),
        sum_charge=("charge", "sum"),
        avg_qty=("l_quantity", "mean"),
        avg_price=("l_extendedprice", "mean"),
        avg_disc=("l_discount", "mean"),
        count_order=("l_quantity", "count"),
    )
    return summary.compute().reset_index().sort_values(keys)


def q3(read: Read) -> pd.DataFrame:
    """Shipping priority."""
    customer = read("customer", ["c_custkey", "c_mktsegment"])
    orders = read("orders", ["o_orderkey", "o_custkey", "o_orderdate", "o_shippriority"])
    lines = read("lineitem", ["l_orderkey", "l_extendedprice", "l_discount", "l_shipdate"])
    customer = customer[customer["c_mktsegment"] == "BUILDING"]
    orders = orders[orders["o_orderdate"] < day(1995, 3, 15)]
    lines = lines[lines["l_shipdate"] > day(1995, 3, 15)]
    joined = orders.merge(customer, left_on="o_custkey", right_on="c_custkey")
    joined = joined.merge(lines, left_on="o_orderkey", right_on="l_orderkey")
    joined = joined.assign(revenue=revenue(joined))
    keys = ["l_orderkey", "o_orderdate", "o_shippriority"]
    grouped = joined.groupby(keys)["revenue"].sum().compute().reset_index()
    best = grouped.sort_values(["revenue", "o_orderdate"], ascending=[False, True]).head(10)
    return best[["l_orderkey", "revenue", "o_orderdate", "o_shippriority"]]


def q5(read: Read) -> pd.DataFrame:
    """Local supplier volume."""
    region = read("region", ["r_regionkey", "r_name"])
    nation = read("nation", ["n_nationkey", "n_name", "n_regionkey"])
    customer = read("customer", ["c_custkey", "c_nationkey"])
    supplier = read("supplier", ["s_suppkey", "s_nationkey"])
    orders = read("orders", ["o_orderkey", "o_custkey", "o_orderdate"])
    lines = read("lineitem", ["l_orderkey", "l_suppkey", "l_extendedprice", "l_discount"])
    region = region[region["r_name"] == "ASIA"]
    orders = orders[(orders["o_orderdate"] >= day(1994, 1, 1)) & (orders["o_orderdate"] < day(1995, 1, 1))]
    nation = nation.merge(region, left_on="n_regionkey", right_on="r_regionkey")
    customer = customer.merge(nation, left_on="c_nationkey", right_on="n_nationkey")
    orders = orders.merge(customer, left_on="o_custkey", right_on="c_custkey")
    joined = lines.merge(orders, left_on="l_orderkey", right_on="o_orderkey")
    joined = joined.merge(supplier, left_on=["l_suppkey", "c_nationkey"], right_on=["s_suppkey", "s_nationkey"])
    joined = joined.assign(revenue=revenue(joined))
    sums = joined.groupby("n_name")["revenue"].sum().compute()
    return sums.reset_index().sort_values("revenue", ascending=False)


def q6(read: Read) -> pd.DataFrame:
    """Forecasting revenue change."""
    lines = read("lineitem", ["l_shipdate", "l_discount", "l_quantity", "l_extendedprice"])
    lines = lines[
        (lines["l_shipdate"] >= day(1994, 1, 1))
        & (lines["l_shipdate"] < day(1995, 1, 1))
        & (lines["l_discount"].round(2).between(0.05, 0.07))
        & (lines["l_quantity"] < 24)
    ]
    return pd.DataFrame({"revenue": [(lines["l_extendedprice"] * lines["l_discount"]).sum().compute()]})


def q10(read: Read) -> pd.DataFrame:
    """Returned item reporting."""
    described = ["c_custkey", "c_name", "c_acctbal", "c_phone", "c_address", "c_comment"]
    customer = read("customer", [*described, "c_nationkey"])
    nation = read("nation", ["n_nationkey", "n_name"])
    orders = read("orders", ["o_orderkey", "o_custkey", "o_orderdate"])
    lines = read("lineitem", ["l_orderkey", "l_returnflag", "l_extendedprice", "l_discount"])
    orders = orders[(orders["o_orderdate"] >= day(1993, 10, 1)) & (orders["o_orderdate"] < day(1994, 1, 1))]
    lines = lines[lines["l_returnflag"] == "R"]
    joined = lines.merge(orders, left_on="l_orderkey", right_on="o_orderkey")
    joined = joined.assign(revenue=revenue(joined))
    # The twenty best customers first; what describes them is then fetched for few.
    best = joined.groupby("o_custkey")["revenue"].sum().nlargest(20).compute().reset_index()
    customers = customer[customer["c_custkey"].isin(best["o_custkey"].tolist())].compute()
    best = best.merge(customers, left_on="o_custkey", right_on="c_custkey")
    best = best.merge(nation.compute(), left_on="c_nationkey", right_on="n_nationkey")
    best = best.sort_values("revenue", ascending=False)
    return best[["c_custkey", "c_name", "revenue", "c_acctbal", "n_name", "c_address", "c_phone", "c_comment"]]


def q12(read: Read) -> pd.DataFrame:
    """Shipping modes and order priority."""
    orders = read("orders", ["o_orderkey", "o_orderpriority"])
    lines = read("lineitem", ["l_orderkey", "l_shipmode", "l_shipdate", "l_commitdate", "l_receiptdate"])
    lines = lines[
        lines["l_shipmode"].isin(["MAIL", "SHIP"])
        & (lines["l_commitdate"] < lines["l_receiptdate"])
        & (lines["l_shipdate"] < lines["l_commitdate"])
        & (lines["l_receiptdate"] >= day(1994, 1, 1))
        & (lines["l_receiptdate"] < day(1995, 1, 1))
    ]
    joined = lines.merge(orders, left_on="l_orderkey", right_on="o_orderkey")
    high = joined["o_orderpriority"].isin(["1-URGENT", "2-HIGH"])
    joined = joined.assign(high_line_count=high.astype("int64"), low_line_count=(~high).astype("int64"))
    counts = joined.groupby("l_shipmode")[["high_line_count", "low_line_count"]].sum().compute()
    return counts.reset_index().sort_values("l_shipmode")


def q14(read: Read) -> pd.DataFrame:
    """Promotion effect."""
    part = read("part", ["p_partkey", "p_type"])
    lines = read("lineitem", ["l_partkey", "l_extendedprice", "l_discount", "l_shipdate"])
    lines = lines[(lines["l_shipdate"] >= day(1995, 9, 1)) & (lines["l_shipdate"] < day(1995, 10, 1))]
    joined = lines.merge(part, left_on="l_partkey", right_on="p_partkey")
    amounts = revenue(joined)
    promoted = amounts[joined["p_type"].str.startswith("PROMO")]
    promoted_sum, total = dask.compute(promoted.sum(), amounts.sum())
    return pd.DataFrame({"promo_revenue": [100 * promoted_sum / total]})


def q19(read: Read) -> pd.DataFrame:
    """Discounted revenue."""
    part = read("part", ["p_partkey", "p_brand", "p_container", "p_size"])
    columns = ["l_partkey", "l_quantity", "l_extendedprice", "l_discount", "l_shipmode", "l_shipinstruct"]
    lines = read("lineitem", columns)
    lines = lines[lines["l_shipmode"].isin(["AIR", "AIR REG"]) & (lines["l_shipinstruct"] == "DELIVER IN PERSON")]
    joined = lines.merge(part, left_on="l_partkey", right_on="p_partkey")
    wanted = None
    for brand, size, containers, least, largest in Q19_CASES:
        case = (
            (joined["p_brand"] == brand)
            & joined["p_container"].isin([f"{size} {container}" for container in containers])
            & joined["l_quantity"].between(least, least + 10)
            & joined["p_size"].between(1, largest)
        )
        wanted = case if wanted is None else wanted | case
    return pd.DataFrame({"revenue": [revenue(joined[wanted]).sum().compute()]})


QUERIES: dict[str, Callable[[Read], pd.DataFrame]] = {
    "Q1": q1,
    "Q3": q3,
    "Q5": q5,
    "Q6": q6,
    "Q10": q10,
    "Q12": q12,
    "Q14": q14,
    "Q19": q19,
}


def open_engine(folder: Path, cores: int) -> DaskEngine:
    """See `bench.engines.open_engine`."""
    return DaskEngine(folder, cores)
