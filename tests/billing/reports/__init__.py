"""Tests of the platform's figures."""
