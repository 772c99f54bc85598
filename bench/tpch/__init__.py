"""TPC-H: data by tpchgen-cli, eight of its queries with the specification's validation parameters."""
