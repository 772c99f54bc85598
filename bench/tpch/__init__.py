"""TPC-H: data by tpchgen-cli, its 22 queries with the specification's validation parameters."""
