"""The portable archive: a workspace as one file that people can open and any Kartoteka can take in again (decision 0014)."""
