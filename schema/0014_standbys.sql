-- What a block that must survive a failover has to know: how far the standbys are.
--
-- PostgreSQL shows the places of its standbys to superusers and to members of pg_read_all_stats only. A responder gets no such right:
-- it would show him the statements of every session of the cluster. It is this one function's owner who needs it. Where that cannot be
-- given here, it is given later (GRANT pg_read_all_stats TO relay_owner); until then the places are null, as in pg_stat_replication.

CREATE FUNCTION relay.wal_senders()
RETURNS TABLE (pid integer, application_name text, client_addr inet, state text, sync_state text, write_lsn pg_lsn, flush_lsn pg_lsn,
               replay_lsn pg_lsn, reply_time timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pid, application_name, client_addr, state, sync_state, write_lsn, flush_lsn, replay_lsn, reply_time FROM pg_stat_replication
$$;
COMMENT ON FUNCTION relay.wal_senders() IS
    'who takes WAL from this server, and how far; the places are null unless relay_owner is in pg_read_all_stats';
GRANT EXECUTE ON FUNCTION relay.wal_senders() TO relay_provisioner, relay_responder, relay_auditor;

-- Owners of several databases share one cluster, so it may be granted already, or by another migration at this moment; and the applier may not
-- be allowed to. None of it is a reason not to migrate: --durable says what to run when it cannot see.
RESET ROLE;
DO $grant$
BEGIN
    IF NOT pg_catalog.pg_has_role('relay_owner', 'pg_read_all_stats', 'MEMBER') THEN
        GRANT pg_read_all_stats TO relay_owner;
    END IF;
EXCEPTION
    WHEN OTHERS THEN NULL;
END
$grant$;
SET LOCAL ROLE relay_owner;
