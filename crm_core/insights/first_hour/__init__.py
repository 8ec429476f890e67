"""The first hour of a firm: what is done, what comes next, until it is closed or done."""
