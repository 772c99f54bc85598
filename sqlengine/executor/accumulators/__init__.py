"""Running aggregates: one state per group, brought forward batch by batch.

`make_accumulator` picks one by `StateOp` and type. Which rows belong to which group is the caller's business
(`GroupTable`); a group without rows has the state of an empty input.
"""
