-- How far the standbys are: a block that must survive a failover depends on it.
--
-- PostgreSQL shows the positions of its standbys only to superusers and to members of pg_read_all_stats. Responders do
-- not get that role: it would show them the statements of every session of the cluster. Only the owner of this one
-- function needs it. If the login that applies the schema cannot grant it, grant it later (GRANT pg_read_all_stats TO
-- relay_owner). Until then the positions are null, as in pg_stat_replication.

CREATE FUNCTION relay.wal_senders()
RETURNS TABLE (pid integer, application_name text, client_addr inet, state text, sync_state text, write_lsn pg_lsn, flush_lsn pg_lsn,
               replay_lsn pg_lsn, reply_time timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pid, application_name, client_addr, state, sync_state, write_lsn, flush_lsn, replay_lsn, reply_time FROM pg_stat_replication
$$;
COMMENT ON FUNCTION relay.wal_senders() IS
    'the servers that receive WAL from this one, and how far each is; the positions are null unless relay_owner is '
    'in pg_read_all_stats';
GRANT EXECUTE ON FUNCTION relay.wal_senders() TO relay_provisioner, relay_responder, relay_auditor;

-- All databases of a cluster share their roles. So the role may already be granted, another migration may be granting
-- it at this moment, or this login may not be allowed to grant it. The migration continues in each case: if --durable
-- cannot see the positions, it prints the command to run.
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
