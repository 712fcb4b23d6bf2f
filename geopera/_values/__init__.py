"""Conversions of values: geometries and datetimes for a body, the records of a page.

Plain functions of plain values. Geometry and table libraries are recognised by their protocols, never imported
here; nothing knows of operations, manifests or HTTP.
"""
