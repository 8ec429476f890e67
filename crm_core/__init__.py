"""The product: what a firm sees and works with, every app inside a workspace."""
