"""Export: any list as a spreadsheet."""
