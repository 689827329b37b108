-- Last part of the conversion: the rows of relay_before go into the tables of relay, and what is left is dropped.
--
-- Two kinds of rows are not moved. The change feed ends: its horizon is this transaction, so a gateway with an older
-- cursor empties its cache, and acknowledges anew. And the record of migrations is that of the new schema.
--
-- Before 0.1.0 a clock decided what is older; now numbers from one sequence do. They are given out here in the order of
-- that clock. At the same instant a revocation comes after a key, because "at or after" was the rule.

-- No trigger may see the moved rows as changes of today: no event, no notice to gateways, no date of today.
DO $quiet$
DECLARE
    target regclass;
BEGIN
    FOR target IN SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = 'relay'::regnamespace AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('ALTER TABLE ONLY %s DISABLE TRIGGER USER', target);
    END LOOP;
END
$quiet$;

CREATE TEMPORARY TABLE ordered_acts ON COMMIT DROP AS
SELECT kind, id, row_number() OVER (ORDER BY at, rank, id) AS number
FROM (SELECT 'key' AS kind, key_id AS id, created_at AS at, 1 AS rank FROM relay_before.agent_keys
      UNION ALL SELECT 'listed', agent_id, listed_at, 1 FROM relay_before.legacy_agents WHERE listed_at IS NOT NULL
      UNION ALL SELECT 'opened', migration_id::text, opened_at, 1 FROM relay_before.legacy_migrations
      UNION ALL SELECT 'revocation', revocation_id::text, at, 2 FROM relay_before.revocations
      UNION ALL SELECT 'stop', stopped_at::text, stopped_at, 2 FROM relay_before.legacy_stops) AS acts;
ALTER TABLE ordered_acts ADD PRIMARY KEY (kind, id);
ANALYZE ordered_acts;
SELECT setval('relay.act_order', (SELECT count(*) + 1 FROM ordered_acts));

INSERT INTO relay.organizations (org_id, name, plan, max_agents, key_max_age, auth_mode, created_at, created_by)
SELECT org_id, name, plan, max_agents, key_max_age, auth_mode, created_at, created_by FROM relay_before.organizations;

INSERT INTO relay.agents (agent_id, org_id, name, permissions, plain, key_max_age, owner, created_at, created_by)
SELECT a.agent_id, a.org_id, a.name, a.permissions, a.plain, a.key_max_age, l.owner, a.created_at, a.created_by
FROM relay_before.agents AS a LEFT JOIN relay_before.legacy_agents AS l ON l.agent_id = a.agent_id;

-- Each key awaits its next use: so authenticate, which sees it, settles whatever the use means.
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, hash_algorithm, state, created_at, created_by, made_order, due_at,
                              expires_at, retired_at, revoked_at, replaced_by, retire_on_first_use, awaits_use)
SELECT k.key_id, k.agent_id, k.org_id, k.key_hash, k.hash_algorithm, k.state, k.created_at, k.created_by, o.number, k.due_at,
       k.expires_at, k.retired_at, k.revoked_at, k.replaced_by, k.retire_on_first_use, true
FROM relay_before.agent_keys AS k JOIN ordered_acts AS o ON o.kind = 'key' AND o.id = k.key_id;

INSERT INTO relay.org_tokens (token_id, org_id, token_hash, hash_algorithm, created_at, created_by, revoked_at)
SELECT token_id, org_id, token_hash, hash_algorithm, created_at, created_by, revoked_at FROM relay_before.org_tokens;

-- The last use was with the key; the addresses were in a separate table.
INSERT INTO relay.key_sightings (key_id, ip_address, last_used_at, first_used_at)
SELECT key_id, ip_address, max(at), min(at)
FROM (SELECT key_id, ip_address, logged_at AS at FROM relay_before.key_sightings
      UNION ALL
      SELECT key_id, COALESCE(last_used_from, '::'), last_used_at FROM relay_before.agent_keys WHERE last_used_at IS NOT NULL) AS seen
GROUP BY key_id, ip_address;

INSERT INTO relay.operations (op_id, state, at, org_id, request_id, request, key_id, db_role)
SELECT op_id, state, at, org_id, request_id, request, key_id, 'unknown' FROM relay_before.operations;

INSERT INTO relay.revocations (revocation_id, subject_kind, subject_id, kind, at, cut_off, until, lifted_at, lifted_by, ticket, reason,
                               actor, db_role)
OVERRIDING SYSTEM VALUE
SELECT r.revocation_id, r.subject_kind, r.subject_id, r.kind, r.at, o.number, r.until, r.lifted_at, r.lifted_by, r.ticket, r.reason,
       r.actor, r.db_role
FROM relay_before.revocations AS r JOIN ordered_acts AS o ON o.kind = 'revocation' AND o.id = r.revocation_id::text;

-- One event of each month first: make_event_months then makes the months that are missing.
CREATE TEMPORARY TABLE first_events ON COMMIT DROP AS
SELECT DISTINCT ON (date_trunc('month', occurred_at, 'UTC')) event_id FROM relay_before.auth_events
ORDER BY date_trunc('month', occurred_at, 'UTC'), event_id;

INSERT INTO relay.auth_events (event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket,
                               trace_id, detail, times)
SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket, trace_id, detail, times
FROM relay_before.auth_events WHERE event_id IN (SELECT event_id FROM first_events);
SELECT count(*) FROM relay.make_event_months(3);
INSERT INTO relay.auth_events (event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket,
                               trace_id, detail, times)
SELECT event_id, occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket, trace_id, detail, times
FROM relay_before.auth_events WHERE event_id NOT IN (SELECT event_id FROM first_events);

INSERT INTO relay.event_floods (backend, subject, ends_at, began_at, last_at, written, folded, org_id, agent_id, key_id, action, outcome,
                                reason, ip_address, db_role, trace_id, detail)
SELECT backend, subject, ends_at, began_at, last_at, written, folded, org_id, agent_id, key_id, action, outcome, reason, ip_address,
       db_role, trace_id, detail
FROM relay_before.event_floods;

INSERT INTO relay.retention_drops (drop_id, month, row_count, event_count, first_event_id, last_event_id, first_at, last_at, bytes,
                                   dropped_at, actor, db_role, ticket, reason)
OVERRIDING SYSTEM VALUE
SELECT drop_id, month, row_count, event_count, first_event_id, last_event_id, first_at, last_at, bytes, dropped_at, actor, db_role, ticket,
       reason
FROM relay_before.retention_drops;

INSERT INTO relay.roles (org_id, role_id, name, created_at, created_by)
SELECT org_id, role_id, name, created_at, created_by FROM relay_before.roles;
INSERT INTO relay.role_permissions (org_id, role_id, permission, conditions)
SELECT org_id, role_id, permission, conditions FROM relay_before.role_permissions;
INSERT INTO relay.agent_roles (agent_id, org_id, role_id, assigned_at, assigned_by)
SELECT agent_id, org_id, role_id, assigned_at, assigned_by FROM relay_before.agent_roles;
INSERT INTO relay.agent_conditions (agent_id, org_id, permission, conditions)
SELECT agent_id, org_id, permission, conditions FROM relay_before.agent_conditions;

INSERT INTO relay.legacy_migrations (migration_id, state, opened_at, opened_order, opened_by, deadline, deadline_set_at, closed_at, closed_by)
OVERRIDING SYSTEM VALUE
SELECT m.migration_id, m.state, m.opened_at, o.number, m.opened_by, m.deadline, m.deadline_set_at, m.closed_at, m.closed_by
FROM relay_before.legacy_migrations AS m JOIN ordered_acts AS o ON o.kind = 'opened' AND o.id = m.migration_id::text;
INSERT INTO relay.legacy_stops (stop_order, stopped_at, stopped_by)
SELECT o.number, s.stopped_at, s.stopped_by
FROM relay_before.legacy_stops AS s JOIN ordered_acts AS o ON o.kind = 'stop' AND o.id = s.stopped_at::text;
INSERT INTO relay.legacy_agents (agent_id, org_id, owner, imported_at, imported_by, migration_id, wave, listed_at, listed_order, issued_key,
                                 issued_at, last_seen_at, last_seen_from)
SELECT l.agent_id, l.org_id, l.owner, l.imported_at, l.imported_by, l.migration_id, l.wave, l.listed_at, o.number, l.issued_key, l.issued_at,
       l.last_seen_at, l.last_seen_from
FROM relay_before.legacy_agents AS l LEFT JOIN ordered_acts AS o ON o.kind = 'listed' AND o.id = l.agent_id;
INSERT INTO relay.proven_agents (agent_id, org_id, key_id, proven_at)
SELECT agent_id, org_id, key_id, proven_at FROM relay_before.proven_agents;
INSERT INTO relay.legacy_sightings (agent_id, ip_address, logged_at)
SELECT agent_id, ip_address, logged_at FROM relay_before.legacy_sightings;

UPDATE relay.feed_horizon SET txid = pg_current_xact_id(), seq = (SELECT last_value FROM relay_before.key_changes_seq_seq);

DO $finish$
DECLARE
    moved     text;
    missing   bigint;
    target    regclass;
    sequences CONSTANT text[] := ARRAY['auth_events_event_id_seq', 'revocations_revocation_id_seq', 'retention_drops_drop_id_seq',
                                       'legacy_migrations_migration_id_seq', 'key_changes_seq_seq'];
BEGIN
    -- Read back: no row may be lost on the way.
    FOREACH moved IN ARRAY ARRAY['organizations', 'agents', 'agent_keys', 'org_tokens', 'operations', 'revocations', 'auth_events',
                                 'event_floods', 'retention_drops', 'roles', 'role_permissions', 'agent_roles', 'agent_conditions',
                                 'legacy_migrations', 'legacy_stops', 'legacy_agents', 'proven_agents', 'legacy_sightings'] LOOP
        EXECUTE format('SELECT (SELECT count(*) FROM relay_before.%1$I) - (SELECT count(*) FROM relay.%1$I)', moved) INTO missing;
        IF missing <> 0 THEN
            RAISE EXCEPTION '% rows of % were not moved', missing, moved USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
    END LOOP;
    FOREACH moved IN ARRAY sequences LOOP
        EXECUTE format('SELECT setval(%L, last_value, is_called) FROM relay_before.%I', 'relay.' || moved, moved);
    END LOOP;
    FOR target IN SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = 'relay'::regnamespace AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('ALTER TABLE ONLY %s ENABLE TRIGGER USER', target);
    END LOOP;
    -- relay.check_shape has found nothing that others built on it.
    SET LOCAL client_min_messages = error;
    DROP SCHEMA relay_before, relay_api_before CASCADE;
END
$finish$;
