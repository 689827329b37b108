-- Uses that gateways report in batches, and the end of old sightings.
--
-- A report is a claim: it comes without the key. So it writes relay.key_sightings and nothing else: no event, no state, and
-- nothing that changes what a key or the shared secret may do. That is left to authenticate, which sees the key's digest.

-- Each entry is one use, or several of the same key from the same address. An unknown key is counted and left out. An entry whose
-- row someone else is writing, or whose table someone has locked, is left out, too: `again` names it, by its place in the report.
CREATE FUNCTION relay_api.report_uses(
    key_ids text[], ip_addresses inet[], used_at timestamptz[], uses integer[] DEFAULT NULL,
    OUT recorded integer, OUT unknown integer, OUT again integer[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '400ms' AS $$
#variable_conflict use_column
DECLARE
    present timestamptz := clock_timestamp();
    most    constant integer := 10000;
    total   integer := cardinality(report_uses.key_ids);
    entry   record;
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'this server is a standby: call report_uses on the primary' USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    PERFORM relay.require_between('the number of key_ids', total, 0, most);
    IF (cardinality(report_uses.ip_addresses) = total AND cardinality(report_uses.used_at) = total) IS NOT TRUE
       OR cardinality(report_uses.uses) <> total THEN
        RAISE EXCEPTION 'key_ids, ip_addresses, used_at and uses must have the same number of elements'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    recorded := 0;
    unknown := 0;
    again := '{}';
    IF NOT relay.can_write('key_sightings') THEN
        again := ARRAY(SELECT generate_series(1, total));
        RETURN;
    END IF;
    PERFORM relay.commit_lazily();
    -- One row after the other, and not one statement for all: its plan would depend on how large the table was when it was made.
    -- In order, so that two reports at the same time meet each row in the same order.
    FOR entry IN
        SELECT said.key_id, COALESCE(said.ip_address, '::') AS ip_address, array_agg(said.place::integer) AS places,
               max(GREATEST(LEAST(COALESCE(said.used_at, present), present), present - interval '1 hour')) AS last_at,
               min(GREATEST(LEAST(COALESCE(said.used_at, present), present), present - interval '1 hour')) AS first_at,
               sum(GREATEST(COALESCE(said.uses, 1), 1)) AS uses
        FROM unnest(report_uses.key_ids, report_uses.ip_addresses, report_uses.used_at, report_uses.uses)
             WITH ORDINALITY AS said (key_id, ip_address, used_at, uses, place)
        GROUP BY 1, 2 ORDER BY 1, 2
    LOOP
        UPDATE relay.key_sightings AS s
        SET last_used_at = GREATEST(s.last_used_at, entry.last_at), uses = s.uses + entry.uses,
            reported_by = CASE WHEN entry.last_at > s.last_used_at THEN SESSION_USER ELSE s.reported_by END,
            proven_at = CASE WHEN entry.last_at > s.last_used_at AND s.reported_by IS NULL THEN s.last_used_at ELSE s.proven_at END
        WHERE s.key_id = entry.key_id
          AND s.ip_address = (SELECT o.ip_address FROM relay.key_sightings AS o
                              WHERE o.key_id = entry.key_id AND o.ip_address = entry.ip_address FOR NO KEY UPDATE SKIP LOCKED);
        IF FOUND THEN
            recorded := recorded + cardinality(entry.places);
        ELSIF NOT EXISTS (SELECT FROM relay.agent_keys AS k WHERE k.key_id = entry.key_id) THEN
            unknown := unknown + cardinality(entry.places);
        ELSE
            BEGIN
                INSERT INTO relay.key_sightings (key_id, ip_address, last_used_at, uses, first_used_at, reported_by)
                VALUES (entry.key_id, entry.ip_address, entry.last_at, entry.uses, entry.first_at, SESSION_USER)
                ON CONFLICT DO NOTHING;
                IF FOUND THEN
                    recorded := recorded + cardinality(entry.places);
                ELSE
                    again := again || entry.places;
                END IF;
            EXCEPTION
                WHEN lock_not_available THEN
                    again := again || entry.places;
                    -- The same transaction may hold the next ones: a call that waited for each would run into its time-out.
                    PERFORM set_config('lock_timeout', '1ms', true);
            END;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION relay_api.report_uses(text[], inet[], timestamptz[], integer[]) IS
    'for a gateway that passes reports_uses to authenticate: records when and from where keys were used (uses: how often, null: once), '
    'at most 10000 entries; call it every 10 s; times count from an hour ago until now; '
    'returns how many entries it recorded, how many name an unknown key, and which ones to report again; primary only';
GRANT EXECUTE ON FUNCTION relay_api.report_uses(text[], inet[], timestamptz[], integer[]) TO relay_gateway;

-- Removes old sightings, but keeps the newest one of each key, because it shows where the key was last seen. A sighting that was
-- reported has no events, so it leaves one.
CREATE FUNCTION relay.prune_sightings(max_rows integer DEFAULT 100000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    removed bigint;
BEGIN
    PERFORM relay.require_between('max_rows', prune_sightings.max_rows, 1, 1000000);
    WITH gone AS (
        DELETE FROM relay.key_sightings WHERE ctid = ANY (ARRAY(
            SELECT s.ctid FROM relay.key_sightings AS s
            WHERE s.last_used_at < clock_timestamp() - interval '30 days'
              AND EXISTS (SELECT FROM relay.key_sightings AS newer WHERE newer.key_id = s.key_id AND newer.last_used_at > s.last_used_at)
            LIMIT prune_sightings.max_rows FOR UPDATE OF s SKIP LOCKED))
        RETURNING key_id, ip_address, last_used_at, uses, first_used_at, reported_by
    ), written AS (
        INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, ip_address, detail, times)
        SELECT k.org_id, k.agent_id, g.key_id, 'use_reported', NULLIF(g.ip_address, '::'),
               jsonb_build_object('reported_by', g.reported_by, 'first_at', g.first_used_at, 'last_at', g.last_used_at), g.uses
        FROM gone AS g JOIN relay.agent_keys AS k ON k.key_id = g.key_id
        WHERE g.reported_by IS NOT NULL
    )
    SELECT count(*) INTO removed FROM gone;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION relay.prune_sightings(integer) IS
    'removes the addresses from which a key was not seen for 30 days, except the latest, at most max_rows; waits for no lock; '
    'returns how many it removed';
GRANT EXECUTE ON FUNCTION relay.prune_sightings(integer) TO relay_provisioner;
