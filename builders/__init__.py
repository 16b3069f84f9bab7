"""From a spec to a folder: rows, files, manifest, card."""
