"""Custom fields on the wire: what fields there are (`known`), and a record's values in both directions (`values`)."""
