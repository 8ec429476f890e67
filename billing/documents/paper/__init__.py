"""Documents on paper: made once, in the reader's language at issue; the bytes are kept and never made again."""
