"""The whole life of a plan, walked by an administrator in Chromium through the running product."""
