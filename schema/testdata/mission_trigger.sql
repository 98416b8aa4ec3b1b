-- Trigger for import readings on Element A
CREATE TRIGGER meter_shadows_import_a_update 
AFTER UPDATE OF import_a ON flows.meter_shadows 
FOR EACH ROW 
EXECUTE FUNCTION flows.register_import_a_insert();

-- Function that inserts into register_import
CREATE FUNCTION flows.register_import_a_insert() RETURNS trigger AS $$
DECLARE
    _register_id uuid;
BEGIN
    -- Find the register ID for this meter's Element A
    SELECT mr.register_id INTO _register_id
    FROM flows.meter_registers mr
    WHERE mr.meter_id = new.id AND mr.element = 'A';

    -- Insert the new reading with timestamp
    INSERT INTO flows.register_import(register_id, read, timestamp)
    VALUES (_register_id, new.import_a, new.updated_at);

    RETURN new;
END;
$$;
