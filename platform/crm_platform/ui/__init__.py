"""The design system: tokens, components, the shells of pages, forms, tables, and the small behaviours of the browser."""
