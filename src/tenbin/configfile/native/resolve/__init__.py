"""From the document to the model: names are looked up, defaults filled in, and what contradicts itself is told."""
