"""Companies: the firms people work for."""
