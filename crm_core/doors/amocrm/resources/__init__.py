"""The resources of the API, a module each: a function per verb, which takes what was asked and returns the answer."""
