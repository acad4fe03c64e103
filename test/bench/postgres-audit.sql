-- An audit trail as an identity product of today keeps it in PostgreSQL: a row for each request, execution and access to a
-- resource, in partitions by month; the change itself as text in rows of their own, once for each record it belongs to.
CREATE TYPE audit_event_type AS ENUM ('REQUEST', 'MODIFY_OBJECT', 'RESOURCE_COMMUNICATION');
CREATE TYPE audit_stage AS ENUM ('REQUEST', 'EXECUTION', 'RESOURCE');
CREATE TYPE audit_outcome AS ENUM ('SUCCESS', 'FATAL_ERROR');
CREATE TYPE object_kind AS ENUM ('USER', 'SHADOW', 'RESOURCE');

CREATE TABLE audit_event
(
    id bigserial NOT NULL,
    at timestamptz NOT NULL,
    event_identifier text,
    event_type audit_event_type,
    event_stage audit_stage,
    session_identifier text,
    request_identifier text,
    task_identifier text,
    task_oid uuid,
    host_identifier text,
    node_identifier text,
    remote_host_address text,
    initiator_oid uuid,
    initiator_type object_kind,
    initiator_name text,
    attorney_oid uuid,
    attorney_type object_kind,
    attorney_name text,
    principal_oid uuid,
    principal_type object_kind,
    principal_name text,
    privileges_modification text,
    target_oid uuid,
    target_type object_kind,
    target_name text,
    target_owner_oid uuid,
    target_owner_type object_kind,
    target_owner_name text,
    channel text,
    outcome audit_outcome,
    parameter text,
    message text,
    changed_item_paths text[],
    resource_oids text[],
    properties jsonb,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);

CREATE TABLE audit_delta
(
    record_id bigint NOT NULL,
    at timestamptz NOT NULL,
    checksum text NOT NULL,
    delta bytea,
    delta_oid uuid,
    delta_type text,
    full_result bytea,
    object_name text,
    object_name_norm text,
    resource_oid uuid,
    resource_name text,
    shadow_kind text,
    shadow_intent text,
    PRIMARY KEY (record_id, at, checksum)
) PARTITION BY RANGE (at);

CREATE TABLE audit_ref
(
    id bigserial NOT NULL,
    record_id bigint NOT NULL,
    at timestamptz NOT NULL,
    name text,
    target_oid uuid,
    target_type object_kind,
    target_name text,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);

DO $$
BEGIN
    FOR month IN 0..11 LOOP
        DECLARE
            begins date := date '2025-01-01' + make_interval(months => month);
            ends date := date '2025-01-01' + make_interval(months => month + 1);
        BEGIN
            EXECUTE format('CREATE TABLE audit_event_%s PARTITION OF audit_event FOR VALUES FROM (%L) TO (%L)', month, begins, ends);
            EXECUTE format('CREATE TABLE audit_delta_%s PARTITION OF audit_delta FOR VALUES FROM (%L) TO (%L)', month, begins, ends);
            EXECUTE format('CREATE TABLE audit_ref_%s PARTITION OF audit_ref FOR VALUES FROM (%L) TO (%L)', month, begins, ends);
            EXECUTE format('ALTER TABLE audit_delta_%s ADD FOREIGN KEY (record_id, at) REFERENCES audit_event_%s (id, at) ON DELETE CASCADE', month, month);
            EXECUTE format('ALTER TABLE audit_ref_%s ADD FOREIGN KEY (record_id, at) REFERENCES audit_event_%s (id, at) ON DELETE CASCADE', month, month);
        END;
    END LOOP;
END $$;

CREATE INDEX ON audit_event (at);
CREATE INDEX ON audit_event (event_identifier);
CREATE INDEX ON audit_event (session_identifier);
CREATE INDEX ON audit_event (request_identifier);
CREATE INDEX ON audit_event (target_oid);
CREATE INDEX ON audit_event USING gin (changed_item_paths);
CREATE INDEX ON audit_event USING gin (resource_oids);
CREATE INDEX ON audit_event USING gin (properties);
CREATE INDEX ON audit_ref (record_id, at);

-- The change as text, in the manner of an object delta; `focus` of the user, else of the account.
CREATE FUNCTION delta_text(focus boolean, oid uuid, old_values text[], new_values text[]) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT convert_to('{"objectDelta":{"@ns":"http://audit.example/types-3","changeType":"modify","objectType":"' || CASE WHEN focus THEN 'UserType' ELSE 'ShadowType' END
        || '","oid":"' || oid || '","itemDelta":['
        || '{"modificationType":"replace","path":"' || CASE WHEN focus THEN '' ELSE 'attributes/' END || 'title","value":["' || new_values[1] || '"],"estimatedOldValue":["' || old_values[1] || '"]},'
        || '{"modificationType":"replace","path":"' || CASE WHEN focus THEN '' ELSE 'attributes/' END || 'department","value":["' || new_values[2] || '"],"estimatedOldValue":["' || old_values[2] || '"]},'
        || '{"modificationType":"replace","path":"' || CASE WHEN focus THEN '' ELSE 'attributes/' END || 'telephoneNumber","value":["' || new_values[3] || '"],"estimatedOldValue":["' || old_values[3] || '"]},'
        || '{"modificationType":"replace","path":"metadata/modifyChannel","value":["http://audit.example/channels-3#liveSync"]},'
        || '{"modificationType":"replace","path":"metadata/modifyTimestamp","value":["2025-06-30T12:00:00.000Z"]}]}}', 'UTF8')
$$;

CREATE FUNCTION result_text(oid uuid) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT convert_to('{"operationResult":{"operation":"executeDelta","status":"success","importance":"normal","start":"2025-06-30T12:00:00.000Z","end":"2025-06-30T12:00:00.012Z","microseconds":12043,"invocationId":4711,"token":1000000000000004711,'
        || '"params":{"entry":[{"key":"objectOid","value":"' || oid || '"},{"key":"channel","value":"http://audit.example/channels-3#liveSync"}]},"partialResults":[{"operation":"modifyObject","status":"success","importance":"minor","start":"2025-06-30T12:00:00.001Z","end":"2025-06-30T12:00:00.011Z"}]}}', 'UTF8')
$$;

-- The changes to be written, one row each, as the other side made them.
CREATE TABLE change (number bigint PRIMARY KEY, at timestamptz NOT NULL, person uuid NOT NULL, person_name text NOT NULL,
    initiator uuid NOT NULL, initiator_name text NOT NULL, old_values text[] NOT NULL, new_values text[] NOT NULL);
