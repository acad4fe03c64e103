-- What 0010 says, for the parts that are there: made beside everything else, one part after the other. Until a part has it, a
-- question reads that part whole.
ALTER TABLE events
    MATERIALIZE PROJECTION of_object,
    MATERIALIZE PROJECTION of_entry,
    MATERIALIZE PROJECTION of_initiator,
    MATERIALIZE INDEX run,
    MATERIALIZE INDEX root,
    MATERIALIZE INDEX value_texts
