"""Import: a spreadsheet becomes records, with every doubt shown and all of it undoable."""
