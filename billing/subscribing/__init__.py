"""What people do about their plan: choose, buy, change, cancel, pause, promise, pay. Every verb asks for the right, opens units of its own and writes the journal of money."""
