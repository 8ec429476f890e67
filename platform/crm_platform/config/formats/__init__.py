"""How dates are written where Django would write them another way than the screens do."""
