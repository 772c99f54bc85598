"""pandas: the eight queries written by hand, each reading only the columns it needs. Decimals become float64."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.engines import NoQuery

Read = Callable[[str, list[str]], pd.DataFrame]


class PandasEngine:
    """Runs the functions of this module on Parquet files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, query: str) -> pa.Table:
        """Answer by the function of that query."""
        if query not in QUERIES:
            raise NoQuery(query)
        return pa.Table.from_pandas(QUERIES[query](self._read), preserve_index=False)

    def close(self) -> None:
        """Nothing to end."""

    def _read(self, table: str, columns: list[str]) -> pd.DataFrame:
        return as_frame(pq.read_table(self._folder / f"{table}.parquet", columns=columns))


def as_frame(table: pa.Table) -> pd.DataFrame:
    """Arrow to pandas: decimals as float64, dates as datetime64."""
    fields = [
        pa.field(field.name, pa.float64()) if pa.types.is_decimal(field.type) else field for field in table.schema
    ]
    return table.cast(pa.schema(fields)).to_pandas(date_as_object=False)


def day(year: int, month: int, number: int) -> pd.Timestamp:
    """A date as pandas compares it."""
    return pd.Timestamp(datetime.date(year, month, number))


def revenue(frame: pd.DataFrame) -> pd.Series:
    """Price after discount."""
    return frame["l_extendedprice"] * (1 - frame["l_discount"])


def q1(read: Read) -> pd.DataFrame:
    """Pricing summary."""
    keys = ["l_returnflag", "l_linestatus"]
    values = ["l_quantity", "l_extendedprice", "l_discount", "l_tax"]
    lines = read("lineitem", [*keys, *values, "l_shipdate"])
    lines = lines[lines["l_shipdate"] <= day(1998, 9, 2)]
    lines = lines.assign(disc_price=revenue(lines))
    lines["charge"] = lines["disc_price"] * (1 + lines["l_tax"])
    return (
        lines.groupby(keys)
        .agg(
            sum_qty=("l_quantity", "sum"),
            sum_base_price=("l_extendedprice", "sum"),
            sum_disc_price=("disc_price", "sum"),
            sum_charge=("charge", "sum"),
            avg_qty=("l_quantity", "mean"),
            avg_price=("l_extendedprice", "mean"),
            avg_disc=("l_discount", "mean"),
            count_order=("l_quantity", "size"),
        )
        .reset_index()
        .sort_values(keys)
    )


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
    joined["revenue"] = revenue(joined)
    keys = ["l_orderkey", "o_orderdate", "o_shippriority"]
    grouped = joined.groupby(keys)["revenue"].sum().reset_index()
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
    joined["revenue"] = revenue(joined)
    return joined.groupby("n_name")["revenue"].sum().reset_index().sort_values("revenue", ascending=False)


def q6(read: Read) -> pd.DataFrame:
    """Forecasting revenue change."""
    lines = read("lineitem", ["l_shipdate", "l_discount", "l_quantity", "l_extendedprice"])
    lines = lines[
        (lines["l_shipdate"] >= day(1994, 1, 1))
        & (lines["l_shipdate"] < day(1995, 1, 1))
        & (lines["l_discount"].round(2).between(0.05, 0.07))
        & (lines["l_quantity"] < 24)
    ]
    return pd.DataFrame({"revenue": [(lines["l_extendedprice"] * lines["l_discount"]).sum()]})


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
    joined["revenue"] = revenue(joined)
    # c_custkey is customer's key: grouping by it is grouping by all of the customer's columns.
    best = joined.groupby("o_custkey")["revenue"].sum().reset_index()
    best = best.merge(customer, left_on="o_custkey", right_on="c_custkey")
    best = best.merge(nation, left_on="c_nationkey", right_on="n_nationkey")
    best = best.sort_values("revenue", ascending=False).head(20)
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
    joined["high_line_count"] = high.astype("int64")
    joined["low_line_count"] = (~high).astype("int64")
    counts = joined.groupby("l_shipmode")[["high_line_count", "low_line_count"]].sum()
    return counts.reset_index().sort_values("l_shipmode")


def q14(read: Read) -> pd.DataFrame:
    """Promotion effect."""
    part = read("part", ["p_partkey", "p_type"])
    lines = read("lineitem", ["l_partkey", "l_extendedprice", "l_discount", "l_shipdate"])
    lines = lines[(lines["l_shipdate"] >= day(1995, 9, 1)) & (lines["l_shipdate"] < day(1995, 10, 1))]
    joined = lines.merge(part, left_on="l_partkey", right_on="p_partkey")
    amounts = revenue(joined)
    promoted = amounts[joined["p_type"].str.startswith("PROMO")].sum()
    return pd.DataFrame({"promo_revenue": [100 * promoted / amounts.sum()]})


def q19(read: Read) -> pd.DataFrame:
    """Discounted revenue."""
    part = read("part", ["p_partkey", "p_brand", "p_container", "p_size"])
    columns = ["l_partkey", "l_quantity", "l_extendedprice", "l_discount", "l_shipmode", "l_shipinstruct"]
    lines = read("lineitem", columns)
    lines = lines[lines["l_shipmode"].isin(["AIR", "AIR REG"]) & (lines["l_shipinstruct"] == "DELIVER IN PERSON")]
    joined = lines.merge(part, left_on="l_partkey", right_on="p_partkey")
    wanted = pd.Series(False, index=joined.index)
    for brand, size, containers, least, largest in Q19_CASES:
        wanted |= (
            (joined["p_brand"] == brand)
            & joined["p_container"].isin([f"{size} {container}" for container in containers])
            & joined["l_quantity"].between(least, least + 10)
            & joined["p_size"].between(1, largest)
        )
    return pd.DataFrame({"revenue": [revenue(joined[wanted]).sum()]})


# Brand, size and kinds of container, least quantity, largest size.
Q19_CASES = (
    ("Brand#12", "SM", ("CASE", "BOX", "PACK", "PKG"), 1, 5),
    ("Brand#23", "MED", ("BAG", "BOX", "PKG", "PACK"), 10, 10),
    ("Brand#34", "LG", ("CASE", "BOX", "PACK", "PKG"), 20, 15),
)

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


def open_engine(folder: Path, cores: int) -> PandasEngine:
    """See `bench.engines.open_engine`; pandas computes on one core, its Parquet reader on all."""
    pa.set_cpu_count(cores)
    return PandasEngine(folder)
