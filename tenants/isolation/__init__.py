"""The proof that one workspace cannot reach another: every way in, enumerated by the product itself, tried with what belongs to others."""
