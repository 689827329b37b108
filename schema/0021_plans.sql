-- Plans: how much of each meter an organization may use, who decides it, and which agents have a seat.
--
-- The database's clock ends a subscription, not a job: the plan in force is computed at each question. Nothing is deleted for money. An
-- organization over its limit cannot add anything, and what it has works again as soon as the limit allows it.

RESET ROLE;
DO $role$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'relay_billing') THEN CREATE ROLE relay_billing NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- the migration of another database was faster
END $role$;
SET LOCAL ROLE relay_owner;

-- For functions that answer a gateway, as relay.require_shut_out and the like are for the program: what a rule or a trigger swallowed
-- was not done. SQLSTATE RA001 says that the effect is not there.
CREATE FUNCTION relay.require_effect(there boolean, what text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF there IS NOT TRUE THEN
        RAISE EXCEPTION '%', what USING ERRCODE = 'RA001', HINT = 'a rule or a trigger interferes: relay-admin schema verify';
    END IF;
END
$$;

CREATE TABLE relay.plans (
    plan_id    text COLLATE "C" PRIMARY KEY,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by text NOT NULL,
    CONSTRAINT plans_plan_id_form CHECK (
        plan_id !~ '[^a-z0-9_-]' AND plan_id ~ '^[a-z0-9]' AND pg_catalog.length(plan_id) <= 63),
    CONSTRAINT plans_name_form CHECK (
        pg_catalog.octet_length(name) >= 1 AND pg_catalog.octet_length(name) <= 200 AND relay.is_visible(name))
);
COMMENT ON TABLE relay.plans IS 'what organizations can be on; free is what every organization is on when its subscription ends';
INSERT INTO relay.plans (plan_id, name, created_by) VALUES ('free', 'Free', 'migration 21'), ('paid', 'Paid', 'migration 21');

-- A new meter needs a migration, because gateways must know what it means.
CREATE TABLE relay.meters (
    meter text COLLATE "C" PRIMARY KEY,
    kind  text COLLATE "C" NOT NULL,
    unit  text COLLATE "C" NOT NULL,
    CONSTRAINT meters_kind_known CHECK (kind IN ('rows', 'day', 'held', 'rate'))
);
COMMENT ON COLUMN relay.meters.kind IS
    'rows: the rows themselves count, without revoked ones; day: used up per UTC day; held: taken by name until released; '
    'rate: per second';
INSERT INTO relay.meters (meter, kind, unit) VALUES
    ('agents', 'rows', 'agents'), ('devices', 'rows', 'devices'),
    ('messages', 'day', 'messages'), ('api_calls', 'day', 'calls'), ('compute_ms', 'day', 'ms'), ('ai_tokens', 'day', 'tokens'),
    ('storage_mb', 'held', 'MB'), ('vms', 'held', 'machines'), ('agent_qps', 'rate', 'calls/s');

CREATE FUNCTION relay.id_if(is_meant boolean, id text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT CASE WHEN is_meant THEN id END $$;
GRANT EXECUTE ON FUNCTION relay.id_if(boolean, text) TO relay_provisioner;

-- One limit of a meter, of a plan, an organization or an agent. No row: nothing is decided here, so the next one decides. The two generated
-- columns exist for their foreign keys.
CREATE TABLE relay.limits (
    owner_kind text COLLATE "C" NOT NULL,
    owner_id   text COLLATE "C" NOT NULL,
    meter      text COLLATE "C" NOT NULL REFERENCES relay.meters (meter),
    org_id     text COLLATE "C" REFERENCES relay.organizations (org_id),
    amount     bigint,
    plan_id    text COLLATE "C" GENERATED ALWAYS AS (relay.id_if(owner_kind = 'plan', owner_id)) STORED,
    agent_id   text COLLATE "C" GENERATED ALWAYS AS (relay.id_if(owner_kind = 'agent', owner_id)) STORED,
    CONSTRAINT limits_pkey PRIMARY KEY (owner_kind, owner_id, meter),
    CONSTRAINT limits_plan FOREIGN KEY (plan_id) REFERENCES relay.plans (plan_id),
    CONSTRAINT limits_agent FOREIGN KEY (org_id, agent_id) REFERENCES relay.agents (org_id, agent_id),
    CONSTRAINT limits_owner_known CHECK (owner_kind IN ('plan', 'org', 'agent')),
    CONSTRAINT limits_org_of_owner CHECK (
        (owner_kind = 'plan') = (org_id IS NULL) AND (owner_kind <> 'org' OR org_id = owner_id)),
    CONSTRAINT limits_agent_meter CHECK (owner_kind <> 'agent' OR meter = 'agent_qps'),
    CONSTRAINT limits_amount_sane CHECK (amount >= 0 AND amount <= 1000000000000000)
);
CREATE INDEX limits_by_org ON relay.limits (org_id, meter) WHERE org_id IS NOT NULL;
COMMENT ON COLUMN relay.limits.amount IS 'null: no limit, even if the plan has one';
COMMENT ON COLUMN relay.limits.org_id IS 'the organization that the limit concerns; null exactly for a plan';
INSERT INTO relay.limits (owner_kind, owner_id, meter, amount) VALUES ('plan', 'free', 'agents', 1);

CREATE TABLE relay.subscriptions (
    org_id        text COLLATE "C" PRIMARY KEY REFERENCES relay.organizations (org_id),
    state         text COLLATE "C" NOT NULL,
    ends_at       timestamptz,
    reference     text,
    said_at       timestamptz NOT NULL,
    said_plan     text COLLATE "C",
    end_announced boolean NOT NULL DEFAULT false,
    CONSTRAINT subscriptions_state_known CHECK (state IN ('active', 'past_due', 'cancelled')),
    CONSTRAINT subscriptions_end_of_state CHECK ((state = 'active') = (ends_at IS NULL)),
    CONSTRAINT subscriptions_ends_sometime CHECK (pg_catalog.isfinite(ends_at) AND pg_catalog.isfinite(said_at)),
    CONSTRAINT subscriptions_reference_form CHECK (
        pg_catalog.octet_length(reference) >= 1 AND pg_catalog.octet_length(reference) <= 200 AND relay.is_visible(reference))
);
CREATE INDEX subscriptions_by_end ON relay.subscriptions (ends_at) WHERE ends_at IS NOT NULL;
COMMENT ON TABLE relay.subscriptions IS 'what the billing system says; no row: only organizations.plan counts, and it does not end';
COMMENT ON COLUMN relay.subscriptions.ends_at IS
    'the plan is free from then on: the end of the grace (past_due) or of the paid period (cancelled)';
COMMENT ON COLUMN relay.subscriptions.reference IS 'the id of the subscription in the billing system';
COMMENT ON COLUMN relay.subscriptions.said_at IS 'when it happened, according to the billing system: an older change changes nothing';
COMMENT ON COLUMN relay.subscriptions.said_plan IS 'the plan that was said; null: as before; organizations.plan may have been set since';
COMMENT ON COLUMN relay.subscriptions.end_announced IS 'the end is past, and the feed has the rows of the agents that lost their seat';

SELECT relay.isolate_tenants('relay.limits');
SELECT relay.isolate_tenants('relay.subscriptions');
GRANT SELECT ON relay.plans, relay.meters, relay.limits, relay.subscriptions TO relay_provisioner, relay_responder, relay_auditor;
GRANT INSERT (plan_id, name, created_by), UPDATE (name) ON relay.plans TO relay_provisioner;
GRANT INSERT (owner_kind, owner_id, meter, org_id, amount), UPDATE (amount), DELETE ON relay.limits TO relay_provisioner;
GRANT SELECT (owner_kind, owner_id, meter, org_id, amount) ON relay.limits TO relay_tenant;
GRANT SELECT (org_id, state, ends_at) ON relay.subscriptions TO relay_tenant;

-- Organizations --------------------------------------------------------------------------------------------------------------------------

-- What was set for an organization becomes its limit. An organization that has more agents than it may have (by a smaller plan or
-- --max-agents, which ended no agent until now) gets a limit that fits all of them: no agent that worked is refused by this migration.
INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount)
SELECT 'org', org.org_id, 'agents', org.org_id, GREATEST(org.max_agents, held.agents)
FROM relay.organizations AS org
LEFT JOIN (SELECT agent.org_id, pg_catalog.count(*) AS agents FROM relay.agents AS agent
           WHERE NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                             WHERE gone.subject_id = agent.agent_id AND gone.subject_kind = 'agent' AND gone.kind = 'revoke')
           GROUP BY agent.org_id) AS held ON held.org_id = org.org_id
WHERE org.max_agents IS NOT NULL OR held.agents > relay.agent_limit(org.plan, org.max_agents);

INSERT INTO relay.auth_events (org_id, action, reason, actor, detail)
SELECT org.org_id, 'org_updated', 'it has more agents than it might have, and none of them is refused', 'migration 21',
       pg_catalog.jsonb_build_object('max_agents', 'changed', 'from', relay.agent_limit(org.plan, org.max_agents), 'to', own.amount)
FROM relay.organizations AS org JOIN relay.limits AS own ON own.org_id = org.org_id
WHERE own.amount > relay.agent_limit(org.plan, org.max_agents);

DROP VIEW relay.organization_status;
DROP FUNCTION relay.agent_limit(text, integer);
ALTER TABLE relay.organizations
    DROP COLUMN max_agents,
    DROP CONSTRAINT organizations_plan_known,
    ADD CONSTRAINT organizations_plan FOREIGN KEY (plan) REFERENCES relay.plans (plan_id) NOT VALID,
    ADD COLUMN allowed_providers text[] COLLATE "C",
    ADD CONSTRAINT organizations_providers_form CHECK (
        pg_catalog.cardinality(allowed_providers) >= 1 AND pg_catalog.cardinality(allowed_providers) <= 64
        AND pg_catalog.array_position(allowed_providers, NULL) IS NULL AND '' <> ALL (allowed_providers)
        AND pg_catalog.array_to_string(allowed_providers, ',') !~ '[^A-Za-z0-9_.,-]'
        AND pg_catalog.octet_length(pg_catalog.array_to_string(allowed_providers, '')) <= 4096) NOT VALID;
ALTER TABLE relay.organizations VALIDATE CONSTRAINT organizations_plan, VALIDATE CONSTRAINT organizations_providers_form;
COMMENT ON COLUMN relay.organizations.plan IS 'the plan while its subscription, if it has one, has not ended: see relay.plan_now';
COMMENT ON COLUMN relay.organizations.allowed_providers IS 'of what it may hold (machines, storage); null: any';
GRANT INSERT (allowed_providers), UPDATE (allowed_providers) ON relay.organizations TO relay_provisioner;
GRANT SELECT (allowed_providers) ON relay.organizations TO relay_tenant;

-- The limits in force --------------------------------------------------------------------------------------------------------------------

-- Plain SQL, so that PostgreSQL inlines it.
CREATE FUNCTION relay.plan_now(plan text, ends_at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT CASE WHEN ends_at <= pg_catalog.statement_timestamp() THEN 'free' ELSE plan END $$;
COMMENT ON FUNCTION relay.plan_now(text, timestamptz) IS
    'the plan in force, by organizations.plan and subscriptions.ends_at: free from the end on';
GRANT EXECUTE ON FUNCTION relay.plan_now(text, timestamptz) TO relay_provisioner, relay_responder, relay_auditor;

-- The organization's own row decides, even if it says that there is no limit; else that of the plan in force. While a subscription is going
-- to end, what is new must also fit the plan that comes next.
CREATE VIEW relay.org_limits AS
SELECT org.org_id, meter.meter, meter.kind, meter.unit,
       CASE WHEN own.meter IS NOT NULL THEN own.amount ELSE present.amount END AS amount,
       CASE WHEN own.meter IS NOT NULL THEN own.amount ELSE LEAST(present.amount, next.amount) END AS amount_for_new,
       CASE WHEN own.meter IS NOT NULL THEN 'org' WHEN present.meter IS NOT NULL THEN 'plan' END COLLATE "C" AS decided_by
FROM relay.organizations AS org
CROSS JOIN relay.meters AS meter
LEFT JOIN relay.subscriptions AS sub ON sub.org_id = org.org_id
LEFT JOIN relay.limits AS own ON own.owner_kind = 'org' AND own.owner_id = org.org_id AND own.meter = meter.meter
LEFT JOIN relay.limits AS present ON present.owner_kind = 'plan' AND present.owner_id = relay.plan_now(org.plan, sub.ends_at)
                                 AND present.meter = meter.meter
LEFT JOIN relay.limits AS next ON sub.ends_at IS NOT NULL AND next.owner_kind = 'plan' AND next.owner_id = 'free'
                              AND next.meter = meter.meter;
COMMENT ON VIEW relay.org_limits IS 'the limit of each meter for each organization';
COMMENT ON COLUMN relay.org_limits.amount IS 'null: no limit';
COMMENT ON COLUMN relay.org_limits.amount_for_new IS
    'the limit for what is added: while a subscription is past due or cancelled, also that of the plan that comes next; null: no limit';
COMMENT ON COLUMN relay.org_limits.decided_by IS 'org: its own limit; plan: that of the plan in force; null: neither has one';
GRANT SELECT ON relay.org_limits TO relay_provisioner, relay_responder, relay_auditor;

-- One statement on purpose: two take four times as long. The session keeps its plan, so it must not be one for a small table.
CREATE FUNCTION relay.limit_of(org text, meter text) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN RETURN (SELECT l.amount FROM relay.org_limits AS l WHERE l.org_id = limit_of.org AND l.meter = limit_of.meter); END
$$;
COMMENT ON FUNCTION relay.limit_of(text, text) IS 'how much of a meter an organization may use; null: no limit';

CREATE FUNCTION relay.limit_for_new(org text, meter text) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN RETURN (SELECT l.amount_for_new FROM relay.org_limits AS l WHERE l.org_id = limit_for_new.org AND l.meter = limit_for_new.meter); END
$$;
COMMENT ON FUNCTION relay.limit_for_new(text, text) IS
    'up to how much of a meter an organization may add something: also by the plan that comes next; null: no limit';
GRANT EXECUTE ON FUNCTION relay.limit_of(text, text), relay.limit_for_new(text, text) TO relay_provisioner, relay_responder, relay_auditor;

CREATE VIEW relay.organization_status AS
SELECT org.org_id, org.name, org.plan, relay.plan_now(org.plan, sub.ends_at) AS plan_in_force,
       CASE total.decided_by WHEN 'org' THEN total.amount END AS max_agents, total.amount AS agent_limit,
       total.amount_for_new AS agent_limit_for_new,
       sub.state AS subscription, sub.ends_at AS subscription_ends_at, sub.said_at AS subscription_said_at, org.allowed_providers,
       org.key_max_age, org.auth_mode, org.created_at, org.created_by,
       CASE WHEN standing.revoked THEN 'revoked' WHEN standing.blocked THEN 'blocked' ELSE 'active' END AS status,
       (SELECT pg_catalog.count(*) FROM relay.agents AS agent WHERE agent.org_id = org.org_id
          AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                          WHERE gone.subject_id = agent.agent_id AND gone.subject_kind = 'agent' AND gone.kind = 'revoke')) AS agents
FROM relay.organizations AS org
JOIN relay.org_limits AS total ON total.org_id = org.org_id AND total.meter = 'agents'
LEFT JOIN relay.subscriptions AS sub ON sub.org_id = org.org_id
CROSS JOIN LATERAL (
    SELECT pg_catalog.bool_or(row.kind = 'revoke') AS revoked, pg_catalog.bool_or(row.kind = 'block') AS blocked
    FROM relay.standing_revocations AS row
    WHERE row.subject_id = org.org_id AND row.subject_kind = 'org') AS standing;
COMMENT ON COLUMN relay.organization_status.agents IS 'its agents, not counting revoked ones: agent_limit bounds this number';
COMMENT ON COLUMN relay.organization_status.max_agents IS 'the limit set for this organization; null: nothing is set, or that there is no limit';
GRANT SELECT ON relay.organization_status TO relay_provisioner, relay_responder, relay_auditor;

-- Seats ----------------------------------------------------------------------------------------------------------------------------------

-- An agent has a seat if it is among the first agents of its organization that are not revoked, as many as the limit allows. Seats are
-- neither stored nor assigned: they follow from the order, the limit and the revocations. The oldest come first, and not those that
-- were used last: otherwise each call would move its caller to the front and push out another agent.

-- An agent that is older than this column has no value there. Its place is that of its creation, and no row is rewritten for it.
ALTER TABLE relay.agents ADD COLUMN seat timestamptz, ADD COLUMN gone boolean NOT NULL DEFAULT false;
ALTER TABLE relay.agents ALTER COLUMN seat SET DEFAULT pg_catalog.now();
COMMENT ON COLUMN relay.agents.seat IS 'its place in the order of seats, earlier ones first; null: created_at';
COMMENT ON COLUMN relay.agents.gone IS
    'true: it is revoked, so the search for seats passes it by; false: maybe, relay.revocations decides';

CREATE VIEW relay.seat_order AS
SELECT agent.org_id, agent.agent_id,
       pg_catalog.row_number() OVER (PARTITION BY agent.org_id ORDER BY COALESCE(agent.seat, agent.created_at), agent.agent_id) AS place
FROM relay.agents AS agent CROSS JOIN (VALUES (1)) AS one  -- of one table alone, servers from 16 on write another text
WHERE NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                  WHERE gone.subject_id = agent.agent_id AND gone.subject_kind = 'agent' AND gone.kind = 'revoke');
COMMENT ON VIEW relay.seat_order IS 'the agents that are not revoked, with their place in the order of seats of their organization, from 1';

CREATE VIEW relay.surplus_agents AS
SELECT seat.org_id, seat.agent_id, seat.place, total.amount AS seats
FROM relay.org_limits AS total JOIN relay.seat_order AS seat ON seat.org_id = total.org_id
WHERE total.meter = 'agents' AND seat.place > total.amount;
COMMENT ON VIEW relay.surplus_agents IS 'the agents without a seat: gateways refuse them with over_limit';
GRANT SELECT ON relay.seat_order, relay.surplus_agents TO relay_provisioner, relay_responder, relay_auditor;

-- A gained seat needs no row, because gateways do not cache refusals.
CREATE FUNCTION relay.announce_lost_seats(org text, agents text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF cardinality(announce_lost_seats.agents) > 1000 THEN
        PERFORM relay.announce(announce_lost_seats.org, NULL, NULL, 'seat_lost', true);
    ELSE
        PERFORM relay.announce(announce_lost_seats.org, lost.agent_id, NULL, 'seat_lost', true)
        FROM unnest(announce_lost_seats.agents) AS lost (agent_id);
    END IF;
END
$$;

CREATE FUNCTION relay.lose_seats(org text, seats_before bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    seats bigint := relay.limit_of(lose_seats.org, 'agents');
    lost  text[];
BEGIN
    IF seats IS NULL OR lose_seats.seats_before <= seats THEN
        RETURN 0;
    END IF;
    lost := ARRAY(SELECT s.agent_id FROM relay.surplus_agents AS s
                  WHERE s.org_id = lose_seats.org AND (s.place <= lose_seats.seats_before) IS NOT FALSE ORDER BY s.place);
    PERFORM relay.announce_lost_seats(lose_seats.org, lost);
    RETURN cardinality(lost);
END
$$;

-- Whether the rows of the feed for a change are written already, so that the triggers of a change by SQL need not do it.
CREATE FUNCTION relay.note_seats_noted(owner text) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT set_config('relay.seats_noted', concat(current_setting('relay.seats_noted', true), owner, ' '), true)
$$;
CREATE FUNCTION relay.are_seats_noted(owner text) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT position(' ' || owner || ' ' IN ' ' || current_setting('relay.seats_noted', true)) > 0
$$;

-- After a change of limits, in the same transaction, with the limit of before (null: none). A caller can only make gateways ask again.
CREATE FUNCTION relay.note_lost_seats(org text, seats_before bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM relay.require_short('org', note_lost_seats.org, 63), relay.note_seats_noted(note_lost_seats.org);
    RETURN relay.lose_seats(note_lost_seats.org, note_lost_seats.seats_before);
END
$$;
COMMENT ON FUNCTION relay.note_lost_seats(text, bigint) IS
    'writes the rows of the feed for the agents that lost their seat by a change of limits; returns their number';

-- Asks about the seats of the organizations alone that have more agents than the plan allows now, in their order, because each may lock
-- rows of the feed. OFFSET 0: once for each.
CREATE FUNCTION relay.note_seats_lost_by_plan(plan text, seats_before bigint, OUT agents bigint, OUT orgs bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    seats bigint := (SELECT l.amount FROM relay.limits AS l
                     WHERE l.owner_kind = 'plan' AND l.owner_id = note_seats_lost_by_plan.plan AND l.meter = 'agents');
BEGIN
    PERFORM relay.require_short('plan', note_seats_lost_by_plan.plan, 63), relay.note_seats_noted('plan/' || note_seats_lost_by_plan.plan);
    agents := 0;
    orgs := 0;
    IF seats IS NULL OR note_seats_lost_by_plan.seats_before <= seats THEN
        RETURN;
    END IF;
    SELECT COALESCE(sum(each.lost), 0), count(*) FILTER (WHERE each.lost > 0)
    INTO note_seats_lost_by_plan.agents, note_seats_lost_by_plan.orgs
    FROM (SELECT relay.lose_seats(larger.org_id, note_seats_lost_by_plan.seats_before) AS lost
          FROM (SELECT on_plan.org_id
                FROM (SELECT o.org_id FROM relay.organizations AS o LEFT JOIN relay.subscriptions AS s ON s.org_id = o.org_id
                      WHERE o.plan = note_seats_lost_by_plan.plan AND (s.ends_at <= statement_timestamp()) IS NOT TRUE
                      UNION ALL
                      SELECT s.org_id FROM relay.subscriptions AS s
                      WHERE note_seats_lost_by_plan.plan = 'free' AND s.ends_at <= statement_timestamp()) AS on_plan
                JOIN relay.agents AS a ON a.org_id = on_plan.org_id AND NOT a.gone
                WHERE NOT EXISTS (SELECT FROM relay.limits AS own
                                  WHERE own.owner_kind = 'org' AND own.owner_id = on_plan.org_id AND own.meter = 'agents')
                GROUP BY on_plan.org_id HAVING count(*) > seats) AS larger ORDER BY larger.org_id OFFSET 0) AS each;
END
$$;
COMMENT ON FUNCTION relay.note_seats_lost_by_plan(text, bigint) IS
    'as note_lost_seats, for all organizations on a plan whose limit of agents changed; returns how many agents, in how many organizations';

CREATE FUNCTION relay.keep_agents(org text, agents text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before text[];
    lost   text[];
BEGIN
    PERFORM relay.require_between('the number of agents', cardinality(keep_agents.agents), 1, 10000);
    PERFORM FROM relay.organizations AS o WHERE o.org_id = keep_agents.org FOR NO KEY UPDATE;
    before := ARRAY(SELECT s.agent_id FROM relay.surplus_agents AS s WHERE s.org_id = keep_agents.org);
    UPDATE relay.agents AS a
    SET seat = front.at - make_interval(secs => 0.000001 * (cardinality(keep_agents.agents) + 1 - kept.position))
    FROM (SELECT min(COALESCE(first.seat, first.created_at)) AS at FROM relay.agents AS first WHERE first.org_id = keep_agents.org) AS front,
         unnest(keep_agents.agents) WITH ORDINALITY AS kept (agent_id, position)
    WHERE a.agent_id = kept.agent_id AND a.org_id = keep_agents.org;
    lost := ARRAY(SELECT s.agent_id FROM relay.surplus_agents AS s
                  WHERE s.org_id = keep_agents.org AND s.agent_id NOT IN (SELECT unnest(before)) ORDER BY s.place);
    PERFORM relay.announce_lost_seats(keep_agents.org, lost);
    RETURN cardinality(lost);
END
$$;
COMMENT ON FUNCTION relay.keep_agents(text, text[]) IS
    'moves agents to the front of the order of seats, in this order; returns how many others lost their seat';
GRANT EXECUTE ON FUNCTION relay.note_lost_seats(text, bigint), relay.note_seats_lost_by_plan(text, bigint), relay.keep_agents(text, text[])
    TO relay_provisioner;
