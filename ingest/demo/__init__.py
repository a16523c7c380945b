"""A small real pool made on the spot: Python's own documentation and generated arithmetic."""

from ingest.demo.files import DemoFiles, PlantedItem, write_demo

__all__ = ["DemoFiles", "PlantedItem", "write_demo"]
