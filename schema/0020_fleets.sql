-- Rotations of a whole fleet.
--
-- Such a rotation changes its agents batch by batch, each in its own transaction. If it is killed, or if some agents failed, the same
-- request again continues it, and two at the same time share the work: no agent is rotated twice by one request. A key that was made
-- after the request began is the one that it asked for. Only the database knows that, because a request may be repeated on another
-- machine.

CREATE TABLE relay.fleet_rotations (
    rotation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id  text COLLATE "C" NOT NULL,  -- a hash of the request: the same text is the same request
    request     text NOT NULL,  -- the parameters in one canonical line
    began_order bigint NOT NULL DEFAULT pg_catalog.nextval('relay.act_order'),  -- no role of ours may choose it
    began_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    last_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),  -- when a run of it was last at work, to some minutes
    began_by    text NOT NULL,
    db_role     text COLLATE "C" NOT NULL DEFAULT SESSION_USER,  -- proven
    ended_at    timestamptz  -- null: agents may be left
);
CREATE UNIQUE INDEX fleet_rotations_one_open ON relay.fleet_rotations (request_id) WHERE ended_at IS NULL;
COMMENT ON COLUMN relay.fleet_rotations.began_order IS 'an active key with a higher made_order was made since the rotation began';

GRANT SELECT ON relay.fleet_rotations TO relay_provisioner, relay_responder, relay_auditor;
GRANT INSERT (request_id, request, began_by), UPDATE (last_at, ended_at) ON relay.fleet_rotations TO relay_provisioner;
