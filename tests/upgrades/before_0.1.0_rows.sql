-- Rows of every table, at times that this transaction chooses. The digest of a key is SHA-256 of its id.
BEGIN;
SET LOCAL session_replication_role = replica;

INSERT INTO relay.organizations (org_id, name, plan, max_agents, key_max_age, auth_mode, created_at, created_by) VALUES
    ('acme', 'Acme', 'paid', 40, '30 days', 'required', now() - interval '100 days', 'ann'),
    ('open', 'Open', 'free', NULL, '90 days', 'optional', now() - interval '50 days', 'bob');
INSERT INTO relay.agents (agent_id, org_id, name, permissions, key_max_age, created_at, created_by, last_used_at, plain)
SELECT name, 'acme', 'Agent ' || name, '["mail:send"]', CASE name WHEN 'a-slow' THEN interval '10 days' END, now() - interval '90 days', 'ann',
       NULL, name <> 'a-roles'
FROM unnest('{a-plain,a-slow,a-roles,a-blocked,a-revoked,a-restored,a-same-instant,a-listed,a-proven,a-silent}'::text[]) AS name;
INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES ('o-agent', 'open', 'Open agent', 'bob');

-- Each agent has a key of 60 days ago that ended, or is in grace, and one of 10 days ago.
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, state, created_at, created_by, due_at, expires_at, retired_at, revoked_at,
                              replaced_by, retire_on_first_use, last_used_at, last_used_from)
SELECT substr(md5(agent_id), 1, 11) || '0', agent_id, org_id, sha256(sha256((substr(md5(agent_id), 1, 11) || '0')::bytea)),
       CASE agent_id WHEN 'a-slow' THEN 'retiring' WHEN 'a-plain' THEN 'revoked' ELSE 'retired' END, now() - interval '60 days', 'ann',
       now() - interval '30 days', CASE agent_id WHEN 'a-slow' THEN now() + interval '1 hour' END,
       CASE WHEN agent_id NOT IN ('a-slow', 'a-plain') THEN now() - interval '9 days' END,
       CASE agent_id WHEN 'a-plain' THEN now() - interval '9 days' END, substr(md5(agent_id), 1, 11) || '1', false,
       now() - interval '11 days', '192.0.2.7'
FROM relay.agents;
INSERT INTO relay.agent_keys (key_id, agent_id, org_id, key_hash, created_at, created_by, due_at, retire_on_first_use, last_used_at)
SELECT substr(md5(agent_id), 1, 11) || '1', agent_id, org_id, sha256(sha256((substr(md5(agent_id), 1, 11) || '1')::bytea)),
       now() - interval '10 days', 'ann', now() + interval '20 days', agent_id = 'a-slow', CASE agent_id WHEN 'a-plain' THEN now() END
FROM relay.agents WHERE agent_id NOT IN ('a-listed', 'a-silent');
INSERT INTO relay.key_sightings VALUES (substr(md5('a-plain'), 1, 11) || '0', '192.0.2.7', now() - interval '12 days'),
                                       (substr(md5('a-plain'), 1, 11) || '0', '2001:db8::1', now() - interval '13 days');
INSERT INTO relay.org_tokens (token_id, org_id, token_hash, created_by) VALUES ('0123456789ab', 'acme', sha256('x'), 'ann');

-- a-restored: revoked 20 days ago and lifted, so only the key of 60 days ago is dead; a-same-instant: its key was made at
-- the very instant of the revocation, and is dead.
INSERT INTO relay.revocations (subject_kind, subject_id, kind, at, until, lifted_at, lifted_by, ticket, reason, actor, db_role) VALUES
    ('agent', 'a-blocked', 'block', now() - interval '1 hour', now() + interval '2 hours', NULL, NULL, 'INC-1', 'odd', 'ann', 'postgres'),
    ('agent', 'a-revoked', 'revoke', now() - interval '1 hour', NULL, NULL, NULL, 'INC-2', NULL, 'ann', 'postgres'),
    ('agent', 'a-restored', 'revoke', now() - interval '20 days', NULL, now() - interval '19 days', 'ann', 'INC-3', NULL, 'ann', 'postgres'),
    ('agent', 'a-same-instant', 'revoke', now() - interval '10 days', NULL, now() - interval '1 day', 'ann', NULL, NULL, 'ann', 'postgres'),
    ('key', substr(md5('a-roles'), 1, 11) || '0', 'revoke', now() - interval '2 days', NULL, NULL, NULL, NULL, NULL, 'ann', 'postgres'),
    ('agent', 'nobody-knows-it', 'block', now() - interval '2 days', NULL, NULL, NULL, NULL, NULL, 'ann', 'postgres');
INSERT INTO relay.operations (op_id, state, at, org_id, request_id, request, key_id) VALUES
    ('op-1', 'done', now() - interval '2 days', 'acme', '4b9ff3bc-5c4c-4c0c-9f8e-5d1c7a1c8b1e', 'rotate', NULL), ('op-2', 'aborted', now(), NULL, NULL, NULL, NULL);

CREATE TABLE relay.auth_events_2026_01 PARTITION OF relay.auth_events FOR VALUES FROM ('2026-01-01+00') TO ('2026-02-01+00');
ALTER TABLE relay.auth_events_2026_01 OWNER TO relay_owner;
INSERT INTO relay.auth_events (occurred_at, org_id, agent_id, key_id, action, outcome, reason, ip_address, actor, db_role, ticket, trace_id, detail, times)
SELECT at, 'acme', 'a-plain', NULL, 'auth_failed', 'failed', 'unknown_key', '192.0.2.9', NULL, 'gateway', NULL, 't-' || n, '{"a": 1}', n
FROM generate_series(1, 30) AS n,
     unnest(ARRAY['2025-11-30 23:59:59.999999+00', '2026-01-31 23:59:59.999999+00', '2026-01-01+00', now() - interval '3 days']::timestamptz[]) AS at;
INSERT INTO relay.event_floods (backend, subject, ends_at, began_at, last_at, written, folded, action, outcome, reason, db_role)
VALUES (1, 'x', now() + interval '1 minute', now(), now(), 1, 7, 'auth_failed', 'failed', 'unknown_key', 'gateway');
INSERT INTO relay.retention_drops (month, row_count, event_count, bytes, actor, db_role) VALUES ('2025-01-01', 5, 9, 8192, 'ann', 'postgres');

INSERT INTO relay.roles (org_id, role_id, name, created_by) VALUES ('acme', 'sender', 'Sender', 'ann');
INSERT INTO relay.role_permissions VALUES ('acme', 'sender', 'mail:read', NULL), ('acme', 'sender', 'mail:drop', '{"networks": ["10.0.0.0/8"]}');
INSERT INTO relay.agent_roles (agent_id, org_id, role_id, assigned_by) VALUES ('a-roles', 'acme', 'sender', 'ann');
INSERT INTO relay.agent_conditions VALUES ('a-roles', 'acme', 'mail:send', '{"networks": ["10.0.0.0/8"]}');

INSERT INTO relay.legacy_migrations (state, opened_at, opened_by, deadline, deadline_set_at, closed_at, closed_by) VALUES
    ('finished', now() - interval '80 days', 'ann', now() - interval '70 days', now() - interval '80 days', now() - interval '70 days', 'ann'),
    ('open', now() - interval '5 days', 'ann', now() + interval '5 days', now() - interval '5 days', NULL, NULL);
INSERT INTO relay.legacy_stops VALUES (now() - interval '75 days', 'ann');
INSERT INTO relay.legacy_agents (agent_id, org_id, owner, imported_at, imported_by, migration_id, wave, listed_at, issued_key, issued_at, last_seen_at) VALUES
    ('a-listed', 'acme', 'team@example.org', now() - interval '6 days', 'ann', 2, 1, now() - interval '4 days', NULL, NULL, now() - interval '1 day'),
    ('a-silent', 'acme', NULL, now() - interval '6 days', 'ann', 2, 2, now() - interval '3 days', NULL, NULL, NULL),
    ('a-proven', 'acme', NULL, now() - interval '6 days', 'ann', 2, 1, now() - interval '4 days', substr(md5('a-proven'), 1, 11) || '1',
     now() - interval '3 days', NULL);
INSERT INTO relay.proven_agents (agent_id, org_id, key_id, proven_at) VALUES ('a-proven', 'acme', substr(md5('a-proven'), 1, 11) || '1', now() - interval '2 days');
INSERT INTO relay.legacy_sightings VALUES ('a-listed', '192.0.2.3', now() - interval '1 day');
COMMIT;
