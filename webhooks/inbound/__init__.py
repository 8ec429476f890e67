"""The inbound door: stores what other programs send once, and answers at once; the work is a job."""
