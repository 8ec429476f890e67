"""What the platform earns: daily snapshots of recurring revenue, the movements between them, and the figures made of these.

The definitions stand in `platform/docs/REPORTS.md`; a change of one is a change there first.
"""
