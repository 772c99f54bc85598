"""The hot loops, compiled by numba, and the tables around them; they know words and bytes, never SQL.

hashing -> grouping -> strings, joining; partitioning; sorting; accumulating. `_jit` compiles, `reference` says in
plain Python what each loop computes.
"""
