-- What 0014 says, for the parts that are there. Until a part has it, a name is looked up in that part's events.
ALTER TABLE events
    MATERIALIZE PROJECTION objects
