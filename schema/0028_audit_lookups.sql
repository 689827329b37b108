-- Indexes for the questions about the audit trail that an incident asks: what did this person do, what was refused from this
-- address, what was refused in this organization.
--
-- Most events are uses of keys. They have no actor and did not fail, so these indexes leave them out, and they cost nothing
-- more. An index with every event would add a fifth to what each event writes to the log (measured: by address 18 %, by
-- organization 24 %, by trace 20 %). Without one, the trail is read backwards, about 15 million events per second; --since
-- ends that early.
--
-- An actor may be longer than what fits into an index, so only its beginning is there.
--
-- The index of the trail is made last, because it excludes writers while it is built. It takes over what the months have
-- already, and only builds the present month and the default partition. Months that are over have no writers. Meanwhile,
-- calls are answered, and their notes are left out or counted (schema/README.md). If the present month is too large for that,
-- make the same indexes on its partition before, with CREATE INDEX CONCURRENTLY.

DO $months$
DECLARE
    over regclass;
BEGIN
    FOR over IN
        SELECT m.partition FROM relay.event_months() AS m
        WHERE m.month < date_trunc('month', now() AT TIME ZONE 'UTC') ORDER BY m.month
    LOOP
        EXECUTE format('CREATE INDEX ON %s (left(actor, 200), occurred_at, event_id) WHERE actor IS NOT NULL', over);
        EXECUTE format('CREATE INDEX ON %s (ip_address, occurred_at) WHERE outcome = ''failed''', over);
        EXECUTE format('CREATE INDEX ON %s (org_id, occurred_at, event_id) WHERE outcome = ''failed''', over);
        EXECUTE format('CREATE INDEX ON %s (org_id, occurred_at) WHERE agent_id IS NULL AND outcome = ''ok''', over);
    END LOOP;
END
$months$;

SELECT relay.alter_events('CREATE INDEX auth_events_by_actor ON relay.auth_events (left(actor, 200), occurred_at, event_id) WHERE actor IS NOT NULL');
SELECT relay.alter_events('CREATE INDEX auth_events_refused_addresses ON relay.auth_events (ip_address, occurred_at) WHERE outcome = ''failed''');
SELECT relay.alter_events('CREATE INDEX auth_events_refused_orgs ON relay.auth_events (org_id, occurred_at, event_id) WHERE outcome = ''failed''');
-- For relay.has_own_event: what was done to an organization, a role or the database. These events are few.
SELECT relay.alter_events('CREATE INDEX auth_events_of_orgs ON relay.auth_events (org_id, occurred_at) WHERE agent_id IS NULL AND outcome = ''ok''');

-- As in 0015, by an index in each case: a change by SQL of many rows asks once for each, and adds an event each time. What a trigger has
-- written does not count as the event of a second change in the same transaction: it has no trace id, which each event of the program has.
--
-- A plan for given times opens the months of these times; one for all times opens every month that is kept, which in a new connection takes
-- longer than all the rest of a change. So the first questions of a transaction are planned for their times, and only those of a change of
-- many rows share a plan, because planning takes ten times as long as the question. (`up_to IS NULL OR` is for that plan: two bounds of unknown
-- times look so narrow that it would read all events since BEGIN, and not those of the agent.)
CREATE OR REPLACE FUNCTION relay.has_own_event(about_agent text, about_org text, what text[], about_key text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    since  timestamptz := transaction_timestamp();
    up_to  timestamptz := clock_timestamp() + interval '1 hour';
    asked  text := COALESCE(current_setting('relay.own_events_asked', true), '');  -- a dot for each question
BEGIN
    IF length(asked) < 8 THEN
        PERFORM set_config('relay.own_events_asked', asked || '.', true), set_config('plan_cache_mode', 'force_custom_plan', true);
    END IF;
    IF about_agent IS NOT NULL THEN
        RETURN EXISTS (SELECT FROM relay.auth_events AS e
                       WHERE e.agent_id = about_agent AND e.occurred_at >= since AND (up_to IS NULL OR e.occurred_at < up_to)
                         AND e.action = ANY (what) AND e.db_role = SESSION_USER AND (e.reason IS DISTINCT FROM 'by SQL' OR e.trace_id IS NOT NULL)
                         AND (about_key IS NULL OR e.key_id = about_key OR e.detail ->> 'previous_key_id' = about_key));
    END IF;
    IF about_org IS NOT NULL THEN
        RETURN EXISTS (SELECT FROM relay.auth_events AS e
                       WHERE e.org_id = about_org AND e.agent_id IS NULL AND e.outcome = 'ok'
                         AND e.occurred_at >= since AND (up_to IS NULL OR e.occurred_at < up_to)
                         AND e.action = ANY (what) AND e.db_role = SESSION_USER AND (e.reason IS DISTINCT FROM 'by SQL' OR e.trace_id IS NOT NULL)
                         AND (about_key IS NULL OR e.key_id = about_key));
    END IF;
    RETURN EXISTS (SELECT FROM relay.auth_events AS e
                   WHERE e.org_id IS NULL AND e.agent_id IS NULL AND e.outcome = 'ok'
                     AND e.occurred_at >= since AND (up_to IS NULL OR e.occurred_at < up_to)
                     AND e.action = ANY (what) AND e.db_role = SESSION_USER AND (e.reason IS DISTINCT FROM 'by SQL' OR e.trace_id IS NOT NULL));
END
$$;

-- As in 0015, but a caller that has switched hash joins off does not decide about the plan: then each key would read all events of its
-- transaction, and the time of a batch would grow with the square of its size. Nor does the planner, which takes the events since BEGIN for few.
-- For a statement of few rows the index is asked: a transaction of many such statements would read all its events for each.
CREATE OR REPLACE FUNCTION relay.audit_new_keys() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_hashjoin = on SET enable_nestloop = off
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    since timestamptz := transaction_timestamp();  -- variables: see relay.has_own_event
    up_to timestamptz := clock_timestamp() + interval '1 hour';
    few   boolean := (SELECT count(*) < 9 FROM (SELECT FROM made LIMIT 9) AS first);
    what  text[] := ARRAY['key_issued', 'key_rotated', 'key_staged'];
BEGIN
    INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, actor)
    SELECT m.org_id, m.agent_id, m.key_id, 'key_issued', 'by SQL', m.created_by
    FROM made AS m
    WHERE few AND NOT relay.has_own_event(m.agent_id, m.org_id, what, m.key_id)
    UNION ALL
    SELECT m.org_id, m.agent_id, m.key_id, 'key_issued', 'by SQL', m.created_by
    FROM made AS m
    WHERE NOT few
      AND NOT EXISTS (SELECT FROM relay.auth_events AS e
                      WHERE e.agent_id = m.agent_id AND e.key_id = m.key_id AND e.occurred_at >= since AND e.occurred_at < up_to
                        AND e.action = ANY (what) AND e.db_role = SESSION_USER
                        AND (e.reason IS DISTINCT FROM 'by SQL' OR e.trace_id IS NOT NULL));
    RETURN NULL;
END
$$;

-- What `audit maintain` removes: also rotations of fleets, which a run continues within hours.
CREATE OR REPLACE FUNCTION relay.prune_operations(max_rows integer DEFAULT 100000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    removed bigint;
BEGIN
    PERFORM relay.require_between('max_rows', prune_operations.max_rows, 1, 1000000);
    DELETE FROM relay.fleet_rotations WHERE rotation_id = ANY (ARRAY(
        SELECT f.rotation_id FROM relay.fleet_rotations AS f WHERE f.last_at < clock_timestamp() - interval '30 days'
        LIMIT prune_operations.max_rows FOR UPDATE SKIP LOCKED));
    DELETE FROM relay.operations WHERE op_id = ANY (ARRAY(
        SELECT o.op_id FROM relay.operations AS o WHERE o.at < clock_timestamp() - interval '30 days'
        LIMIT prune_operations.max_rows FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;

-- As in 0005, with one plan for all calls: most of them find nothing to settle, and took longer to plan than to run. Each call that begins a
-- flood settles those of before.
CREATE OR REPLACE FUNCTION relay.settle_floods(before timestamptz DEFAULT pg_catalog.clock_timestamp(), most integer DEFAULT 100000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    settled bigint;
BEGIN
    PERFORM relay.require_between('most', settle_floods.most, 1, 1000000);
    WITH ended AS (
        DELETE FROM relay.event_floods AS flood
        WHERE flood.ctid = ANY (ARRAY(SELECT f.ctid FROM relay.event_floods AS f WHERE f.ends_at <= settle_floods.before
                                      ORDER BY f.ends_at LIMIT settle_floods.most FOR UPDATE SKIP LOCKED))
        RETURNING flood.*
    ), written AS (
        INSERT INTO relay.auth_events (occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, db_role, trace_id,
                                       detail, times)
        SELECT event.occurred_at, event.org_id, event.agent_id, event.key_id, event.action, event.outcome, event.reason,
               event.ip_address, event.db_role, event.trace_id, event.detail, event.times
        FROM ended CROSS JOIN LATERAL relay.as_event(ended) AS event
        WHERE ended.folded > 0
    )
    SELECT count(*) INTO settled FROM ended;
    RETURN settled;
END
$$;

-- Seals find events by the index over their numbers. As in 0019, the index is completed before a seal; but the last pages, which are
-- still being filled, lose their summary again: every event that is written there would have to renew it, and a seal reads them
-- quickly anyway.
CREATE OR REPLACE FUNCTION relay.begin_seals() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE relay.seal_turn IN SHARE UPDATE EXCLUSIVE MODE;
    BEGIN
        PERFORM brin_summarize_new_values(i.inhrelid),
                brin_desummarize_range(i.inhrelid, pg_relation_size(x.indrelid) / current_setting('block_size')::bigint - 1)
        FROM pg_inherits AS i JOIN pg_index AS x ON x.indexrelid = i.inhrelid
        WHERE i.inhparent = 'relay.auth_events_by_number'::regclass AND pg_relation_size(x.indrelid) > 0;
    EXCEPTION
        WHEN lock_not_available THEN NULL;  -- then reading only takes longer
    END;
END
$$;

-- A caller that says no actor gets the name of what is missing, as it does for any other absurd argument, not that of a column.
CREATE FUNCTION relay.refuse_nameless_seal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'add_seal needs an actor' USING ERRCODE = 'null_value_not_allowed';
END
$$;
CREATE TRIGGER needs_actor BEFORE INSERT ON relay.event_seals
    FOR EACH ROW WHEN (NEW.actor IS NULL) EXECUTE FUNCTION relay.refuse_nameless_seal();
