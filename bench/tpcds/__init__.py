"""TPC-DS: tables and queries as DuckDB's own generator writes them."""
