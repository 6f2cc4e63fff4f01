"""The generator: a declarative spec goes in, a reviewed, all-or-nothing change to a code base comes out."""
