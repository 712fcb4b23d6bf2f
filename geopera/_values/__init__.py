"""Values on their way in and out: geometries and datetimes for a body, tables and footprints for a screen.

Plain functions of plain values. Geometry and table libraries are recognised by their protocols, never imported
here; nothing knows of operations, manifests or HTTP.
"""
