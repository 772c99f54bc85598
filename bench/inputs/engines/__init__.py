"""The engines asked about the inputs: modules with `open_engine(folder, cores)`, each run in a process of its own."""

ENGINES = {
    "sqlengine": "bench.inputs.engines.sqlengine_sql",
    # With decoded columns kept between runs, as by default; the first engine reads the files each time.
    "cached": "bench.inputs.engines.sqlengine_cached",
    "duckdb": "bench.inputs.engines.duckdb_sql",
    "h5py": "bench.inputs.engines.h5py_loops",
    "polars": "bench.inputs.engines.polars_frames",
    "pandas": "bench.inputs.engines.pandas_frames",
    "dask": "bench.inputs.engines.dask_frames",
}
