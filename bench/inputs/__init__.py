"""Five inputs as people have them, made at any size from a fixed seed, and what is asked of them."""
