"""Faults for real: processes and servers that die by SIGKILL at every named point, in a world of their own."""
