"""The cases: each module measures one kind of work and returns rows."""
