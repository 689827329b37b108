-- Plans: how much of each meter an organization may use, who decides it, and when a plan ends.
--
-- The database's clock ends a subscription, not a job: the plan in force is computed at each question, so that nothing has to
-- run for it. Nothing is deleted for money. An organization over its limit cannot add anything, and what it has works again
-- as soon as the limit allows it.

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
    ('storage_mb', 'held', 'MB'), ('vms', 'held', 'machines'),
    ('agent_qps', 'rate', 'calls/s');

CREATE FUNCTION relay.id_if(is_meant boolean, id text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT CASE WHEN is_meant THEN id END $$;
COMMENT ON FUNCTION relay.id_if(boolean, text) IS 'for generated columns: the id, or null';
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
    end_announced boolean NOT NULL DEFAULT false,
    CONSTRAINT subscriptions_state_known CHECK (state IN ('active', 'past_due', 'cancelled')),
    CONSTRAINT subscriptions_end_of_state CHECK ((state = 'active') = (ends_at IS NULL)),
    CONSTRAINT subscriptions_ends_sometime CHECK (pg_catalog.isfinite(ends_at) AND pg_catalog.isfinite(said_at)),
    CONSTRAINT subscriptions_reference_form CHECK (
        pg_catalog.octet_length(reference) >= 1 AND pg_catalog.octet_length(reference) <= 200 AND relay.is_visible(reference))
);
CREATE INDEX subscriptions_by_end ON relay.subscriptions (ends_at) WHERE ends_at IS NOT NULL;
COMMENT ON TABLE relay.subscriptions IS
    'what the billing system says; no row: only organizations.plan counts, and it does not end';
COMMENT ON COLUMN relay.subscriptions.ends_at IS
    'the plan is free from then on: the end of the grace (past_due) or of the paid period (cancelled)';
COMMENT ON COLUMN relay.subscriptions.reference IS 'the id of the subscription in the billing system';
COMMENT ON COLUMN relay.subscriptions.said_at IS
    'when the change happened, according to the billing system: an older one changes nothing';
COMMENT ON COLUMN relay.subscriptions.end_announced IS
    'the end is past, and the feed has the rows of the agents that lost their seat by it';

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
CREATE INDEX organizations_by_plan ON relay.organizations (plan, org_id);
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
BEGIN
    RETURN (SELECT l.amount FROM relay.org_limits AS l WHERE l.org_id = limit_of.org AND l.meter = limit_of.meter);
END
$$;
COMMENT ON FUNCTION relay.limit_of(text, text) IS 'how much of a meter an organization may use; null: no limit';

CREATE FUNCTION relay.limit_for_new(org text, meter text) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    RETURN (SELECT l.amount_for_new FROM relay.org_limits AS l WHERE l.org_id = limit_for_new.org AND l.meter = limit_for_new.meter);
END
$$;
COMMENT ON FUNCTION relay.limit_for_new(text, text) IS
    'up to how much of a meter an organization may add something: also by the plan that comes next; null: no limit';
GRANT EXECUTE ON FUNCTION relay.limit_of(text, text), relay.limit_for_new(text, text) TO relay_provisioner, relay_responder, relay_auditor;

CREATE VIEW relay.organization_status AS
SELECT org.org_id, org.name, org.plan, relay.plan_now(org.plan, sub.ends_at) AS plan_in_force,
       (SELECT own.amount FROM relay.limits AS own
        WHERE own.owner_kind = 'org' AND own.owner_id = org.org_id AND own.meter = 'agents') AS max_agents,
       (SELECT total.amount FROM relay.org_limits AS total
        WHERE total.org_id = org.org_id AND total.meter = 'agents') AS agent_limit,
       (SELECT total.amount_for_new FROM relay.org_limits AS total
        WHERE total.org_id = org.org_id AND total.meter = 'agents') AS agent_limit_for_new,
       sub.state AS subscription, sub.ends_at AS subscription_ends_at, sub.said_at AS subscription_said_at, org.allowed_providers,
       org.key_max_age, org.auth_mode, org.created_at, org.created_by,
       CASE WHEN standing.revoked THEN 'revoked' WHEN standing.blocked THEN 'blocked' ELSE 'active' END AS status,
       (SELECT pg_catalog.count(*) FROM relay.agents AS agent
        WHERE agent.org_id = org.org_id
          AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                          WHERE gone.subject_id = agent.agent_id AND gone.subject_kind = 'agent' AND gone.kind = 'revoke')
       ) AS agents
FROM relay.organizations AS org
LEFT JOIN relay.subscriptions AS sub ON sub.org_id = org.org_id
CROSS JOIN LATERAL (
    SELECT pg_catalog.bool_or(row.kind = 'revoke') AS revoked, pg_catalog.bool_or(row.kind = 'block') AS blocked
    FROM relay.standing_revocations AS row
    WHERE row.subject_id = org.org_id AND row.subject_kind = 'org') AS standing;
COMMENT ON COLUMN relay.organization_status.agents IS
    'its agents, not counting revoked ones: agent_limit bounds this number';
COMMENT ON COLUMN relay.organization_status.max_agents IS
    'the limit set for this organization; null: it has none of its own, or its own says that there is no limit';
GRANT SELECT ON relay.organization_status TO relay_provisioner, relay_responder, relay_auditor;
