"""Tags: coloured words on any record."""
