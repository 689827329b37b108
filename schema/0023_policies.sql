-- Policies: from where and how agents may call. Addresses, and settings that can end by the clock and can be undone.
--
-- A setting is a row, so undoing it brings back exactly what was in force before, and `policy history` needs no second table. Later
-- settings are rows of policy_settings and a column of relay_api.policy.

-- Addresses ------------------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION relay.addresses_are_valid(addresses cidr[]) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT pg_catalog.array_ndims(addresses) = 1 AND pg_catalog.cardinality(addresses) <= 64
           AND NOT EXISTS (SELECT FROM pg_catalog.unnest(addresses) AS range
                           WHERE range IS NULL OR pg_catalog.masklen(range) = 0 OR range::inet <<= inet '::ffff:0:0/96'
                                 OR range::inet >>= inet '::ffff:0:0/96')
$$;
COMMENT ON FUNCTION relay.addresses_are_valid(cidr[]) IS
    'true for 1 to 64 ranges; none is the whole Internet, and an IPv4 range is written as one, not inside or around it in IPv6';
GRANT EXECUTE ON FUNCTION relay.addresses_are_valid(cidr[]) TO relay_provisioner;

-- The list of an agent beats that of its organization. Without either, any address may call.
CREATE TABLE relay.call_policies (
    org_id    text COLLATE "C" NOT NULL REFERENCES relay.organizations (org_id),
    agent_id  text COLLATE "C",  -- null: for the whole organization
    addresses cidr[] NOT NULL,
    CONSTRAINT call_policies_agent FOREIGN KEY (org_id, agent_id) REFERENCES relay.agents (org_id, agent_id),
    CONSTRAINT call_policies_addresses_form CHECK (relay.addresses_are_valid(addresses) IS TRUE)
);
-- Its first column answers the probe of each authentication: has this organization any list?
CREATE UNIQUE INDEX call_policies_one_each ON relay.call_policies (org_id, (COALESCE(agent_id, '')));
COMMENT ON TABLE relay.call_policies IS 'from which addresses agents may call; no row: from any';

-- A gateway that listens on IPv6 sees an IPv4 client as ::ffff:192.0.2.1.
CREATE FUNCTION relay.plain_address(address inet) RETURNS inet
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN address <<= inet '::ffff:0:0/96' THEN inet '0.0.0.0' + (address - inet '::ffff:0:0')
                ELSE pg_catalog.set_masklen(address, CASE pg_catalog.family(address) WHEN 4 THEN 32 ELSE 128 END) END
$$;
COMMENT ON FUNCTION relay.plain_address(inet) IS 'the address without a mask; an IPv4 address inside IPv6 as IPv4';

-- The list in force for an agent; null: any address. In PL/pgSQL, as all that calls ask: a session keeps the plans.
CREATE FUNCTION relay.allowed_addresses(org text, agent text) RETURNS cidr[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    RETURN (SELECT p.addresses FROM relay.call_policies AS p
            WHERE p.org_id = org AND COALESCE(p.agent_id, '') IN (COALESCE(agent, ''), '')
            ORDER BY p.agent_id NULLS LAST LIMIT 1);
END
$$;
COMMENT ON FUNCTION relay.allowed_addresses(text, text) IS
    'the addresses from which an agent (null: an agent without a list) may call; null: from any';

CREATE FUNCTION relay.address_is_allowed(org text, agent text, address inet) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    addresses cidr[] := relay.allowed_addresses(org, agent);
BEGIN
    RETURN COALESCE(relay.plain_address(address) <<= ANY (addresses), addresses IS NULL);
END
$$;
COMMENT ON FUNCTION relay.address_is_allowed(text, text, inet) IS
    'whether an agent may call from an address; an unknown address (null) is in no list';
GRANT EXECUTE ON FUNCTION relay.plain_address(inet), relay.allowed_addresses(text, text), relay.address_is_allowed(text, text, inet)
    TO relay_provisioner, relay_responder, relay_auditor;

-- Settings -------------------------------------------------------------------------------------------------------------------------------

-- A setting has words, or durations of whole seconds (30s): the shorter, the stricter.
CREATE TABLE relay.policy_settings (
    setting  text COLLATE "C" PRIMARY KEY,
    words    text[] COLLATE "C",  -- the strictest last
    shortest interval,
    longest  interval,
    preset   text COLLATE "C" NOT NULL,
    CONSTRAINT policy_settings_one_kind CHECK (
        (words IS NULL) = (shortest IS NOT NULL) AND (shortest IS NULL) = (longest IS NULL))
);
COMMENT ON COLUMN relay.policy_settings.preset IS 'what is in force where no one has set anything';
INSERT INTO relay.policy_settings (setting, words, shortest, longest, preset) VALUES
    ('window', NULL, interval '1 second', interval '5 minutes', '60s'),
    ('require_nonce', '{no,yes}', NULL, NULL, 'no'),
    ('signing', '{bearer,either,required}', NULL, NULL, 'bearer'),
    ('session_ttl', NULL, interval '1 minute', interval '24 hours', '600s'),
    ('messages', '{optional,required}', NULL, NULL, 'required');

CREATE TABLE relay.policy_changes (
    change_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope_kind text COLLATE "C" NOT NULL,
    scope_id   text COLLATE "C",  -- null: the platform
    org_id     text COLLATE "C" REFERENCES relay.organizations (org_id),
    agent_id   text COLLATE "C" GENERATED ALWAYS AS (relay.id_if(scope_kind = 'agent', scope_id)) STORED,  -- for the foreign key
    setting    text COLLATE "C" NOT NULL REFERENCES relay.policy_settings (setting),
    value      text COLLATE "C" NOT NULL,
    at         timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    until      timestamptz,  -- when it ends by the clock; null: when it is lifted
    lifted_at  timestamptz,
    lifted_by  text,  -- claimed
    lifted_role text COLLATE "C",  -- proven
    ticket     text,
    reason     text,
    actor      text NOT NULL,  -- claimed
    db_role    text COLLATE "C" NOT NULL DEFAULT SESSION_USER,  -- proven
    CONSTRAINT policy_changes_scope_known CHECK (scope_kind IN ('platform', 'org', 'agent')),
    CONSTRAINT policy_changes_org_of_scope CHECK (
        (scope_kind = 'platform') = (org_id IS NULL) AND (scope_kind = 'platform') = (scope_id IS NULL)
        AND (scope_kind <> 'org' OR org_id = scope_id)),
    CONSTRAINT policy_changes_agent FOREIGN KEY (org_id, agent_id) REFERENCES relay.agents (org_id, agent_id),
    CONSTRAINT policy_changes_ends_sometime CHECK (pg_catalog.isfinite(until)),
    CONSTRAINT policy_changes_lifted_by_somebody CHECK (
        (lifted_at IS NULL) = (lifted_by IS NULL) AND (lifted_at IS NULL) = (lifted_role IS NULL))
);
COMMENT ON TABLE relay.policy_changes IS
    'each setting that was made, for the platform, an organization or an agent; append-only, and lifted once';
-- For each question: three probes, however many agents an organization has.
CREATE INDEX policy_changes_that_count ON relay.policy_changes (org_id, agent_id) WHERE lifted_at IS NULL;
-- Empty until someone makes such a setting.
CREATE INDEX policy_changes_signing ON relay.policy_changes ((COALESCE(org_id, '')))
    WHERE lifted_at IS NULL AND setting = 'signing' AND value = 'required';
CREATE INDEX policy_changes_by_org ON relay.policy_changes (org_id, change_id);
CREATE INDEX policy_changes_by_ticket ON relay.policy_changes (ticket) WHERE ticket IS NOT NULL;

GRANT SELECT ON relay.call_policies, relay.policy_settings, relay.policy_changes TO relay_provisioner, relay_responder, relay_auditor;
GRANT INSERT, UPDATE (addresses), DELETE ON relay.call_policies TO relay_provisioner;
GRANT INSERT (scope_kind, scope_id, org_id, setting, value, until, ticket, reason, actor), UPDATE (lifted_at, lifted_by)
    ON relay.policy_changes TO relay_provisioner, relay_responder;
GRANT EXECUTE ON FUNCTION relay.id_if(boolean, text) TO relay_responder;
SELECT relay.isolate_tenants('relay.call_policies');
SELECT relay.isolate_tenants('relay.policy_changes');
-- A row that ends only tightens. So a responder may make one and lift it, but cannot loosen what was set without an end.
ALTER POLICY staff ON relay.policy_changes
    WITH CHECK (until IS NOT NULL OR pg_catalog.pg_has_role('relay_provisioner', 'USAGE'));
GRANT SELECT (org_id, agent_id, addresses) ON relay.call_policies TO relay_tenant;
GRANT SELECT (change_id, scope_kind, scope_id, org_id, setting, value, at, until, lifted_at) ON relay.policy_changes TO relay_tenant;

-- How strict a value is: a higher number is stricter; null: it is not a value of the setting.
CREATE FUNCTION relay.strictness(setting relay.policy_settings, value text) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN setting.words IS NOT NULL THEN pg_catalog.array_position(setting.words, value COLLATE "C")
        WHEN value ~ '^[1-9][0-9]{0,8}s$' THEN
            CASE WHEN pg_catalog.make_interval(secs => pg_catalog.rtrim(value, 's')::bigint) >= setting.shortest
                      AND pg_catalog.make_interval(secs => pg_catalog.rtrim(value, 's')::bigint) <= setting.longest
                 THEN -pg_catalog.rtrim(value, 's')::bigint END
    END
$$;
COMMENT ON FUNCTION relay.strictness(relay.policy_settings, text) IS
    'a higher number is stricter; null: not a value of this setting (durations are whole seconds, such as 30s)';
GRANT EXECUTE ON FUNCTION relay.strictness(relay.policy_settings, text) TO relay_provisioner, relay_responder, relay_auditor;

CREATE FUNCTION relay.check_policy_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF (SELECT relay.strictness(s, NEW.value) FROM relay.policy_settings AS s WHERE s.setting = NEW.setting) IS NULL THEN
            RAISE EXCEPTION '% is not a value of setting %', NEW.value, NEW.setting USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.until <= clock_timestamp() THEN
            RAISE EXCEPTION 'the setting would end at %, which is over', NEW.until USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.lifted_at IS NOT NULL OR NEW.lifted_at IS NULL
       -- Without agent_id, which is not generated yet.
       OR to_jsonb(OLD) - '{lifted_at,lifted_by,lifted_role,agent_id}'::text[]
          <> to_jsonb(NEW) - '{lifted_at,lifted_by,lifted_role,agent_id}'::text[] THEN
        RAISE EXCEPTION 'policy change % can be lifted once, and nothing else of it changes', OLD.change_id
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    NEW.lifted_at := clock_timestamp();  -- whatever the caller says
    NEW.lifted_role := SESSION_USER;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_policy_change BEFORE INSERT OR UPDATE ON relay.policy_changes
    FOR EACH ROW EXECUTE FUNCTION relay.check_policy_change();
CREATE TRIGGER append_only BEFORE DELETE ON relay.policy_changes
    FOR EACH ROW EXECUTE FUNCTION relay.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON relay.policy_changes
    FOR EACH STATEMENT EXECUTE FUNCTION relay.refuse_change();

-- What is in force -----------------------------------------------------------------------------------------------------------------------

-- The rows that concern an agent, and the presets. Agent null: an agent for which nothing is set; org null, too: the platform. `lasts`: it
-- has no end, and is the nearest and newest of these.
CREATE FUNCTION relay.policy_said(org text, agent text)
RETURNS TABLE (setting text, value text, strictness bigint, scope_kind text, change_id bigint, until timestamptz, lasts boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.setting, said.value, relay.strictness(s, said.value), said.scope_kind, said.change_id, said.until,
           said.until IS NULL
           AND row_number() OVER (PARTITION BY s.setting, said.until IS NULL ORDER BY said.distance, said.change_id DESC) = 1
    FROM relay.policy_settings AS s
    JOIN (SELECT c.setting, c.value, c.scope_kind, c.change_id, c.until, 0 AS distance
          FROM relay.policy_changes AS c WHERE c.org_id = org AND c.agent_id = agent AND c.lifted_at IS NULL
          UNION ALL
          SELECT c.setting, c.value, c.scope_kind, c.change_id, c.until, 1
          FROM relay.policy_changes AS c WHERE c.org_id = org AND c.agent_id IS NULL AND c.lifted_at IS NULL
          UNION ALL
          SELECT c.setting, c.value, c.scope_kind, c.change_id, c.until, 2
          FROM relay.policy_changes AS c WHERE c.org_id IS NULL AND c.lifted_at IS NULL
          UNION ALL
          SELECT p.setting, p.preset, NULL, NULL, NULL, 3 FROM relay.policy_settings AS p) AS said ON said.setting = s.setting
    WHERE said.until IS NULL OR said.until > statement_timestamp();
END
$$;

-- One row for each setting. The row that lasts decides, except that a row with an end is in force where it is stricter. Where calls must be
-- signed, each is accepted once, unless someone has said `no` for that.
CREATE FUNCTION relay.policy_in_force(org text, agent text, only_lasting boolean DEFAULT false)
RETURNS TABLE (setting text, value text, strictness bigint, scope_kind text, change_id bigint, until timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH force AS (
        SELECT DISTINCT ON (said.setting) said.setting, said.value, said.strictness, said.scope_kind, said.change_id, said.until
        FROM relay.policy_said(org, agent) AS said
        WHERE said.lasts OR (said.until IS NOT NULL AND NOT only_lasting)
        ORDER BY said.setting, said.strictness DESC, said.lasts DESC, said.until DESC, said.change_id
    )
    SELECT f.setting, CASE WHEN why.setting IS NULL THEN f.value ELSE 'yes' END,
           CASE WHEN why.setting IS NULL THEN f.strictness
                ELSE (SELECT relay.strictness(s, 'yes') FROM relay.policy_settings AS s WHERE s.setting = f.setting) END,
           COALESCE(f.scope_kind, why.scope_kind), COALESCE(f.change_id, why.change_id), COALESCE(f.until, why.until)
    FROM force AS f
    LEFT JOIN force AS why ON f.setting = 'require_nonce' AND f.scope_kind IS NULL AND why.setting = 'signing' AND why.value = 'required';
END
$$;
COMMENT ON FUNCTION relay.policy_said(text, text) IS 'every setting that concerns an agent, an organization (agent null) or the platform';
COMMENT ON FUNCTION relay.policy_in_force(text, text, boolean) IS
    'the settings in force, and the rows that they come from (null: the preset); only_lasting: when everything that has an end is over';
GRANT EXECUTE ON FUNCTION relay.policy_said(text, text), relay.policy_in_force(text, text, boolean)
    TO relay_provisioner, relay_responder, relay_auditor;

-- Whether a bearer key, the shared secret or nothing at all is refused.
CREATE FUNCTION relay.signing_is_required(org text, agent text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    RETURN EXISTS (SELECT FROM relay.policy_changes AS c
                   WHERE COALESCE(c.org_id, '') = ANY (ARRAY[org, '']) AND c.lifted_at IS NULL AND c.setting = 'signing' AND c.value = 'required'
                     AND (c.until IS NULL OR c.until > statement_timestamp()))
           AND (SELECT f.value = 'required' FROM relay.policy_in_force(org, agent) AS f WHERE f.setting = 'signing');
END
$$;
COMMENT ON FUNCTION relay.signing_is_required(text, text) IS 'whether the calls of an agent (null: one that is not known) must be signed';

-- How many calls per second an agent may make; null: no limit. An agent's own limit beats that of its organization and of its plan.
CREATE FUNCTION relay.agent_qps(org text, agent text) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    own record;
BEGIN
    SELECT l.amount, true AS found INTO own FROM relay.limits AS l
    WHERE l.owner_kind = 'agent' AND l.owner_id = agent AND l.meter = 'agent_qps' AND l.org_id = org;
    RETURN CASE WHEN own.found THEN own.amount ELSE relay.limit_of(org, 'agent_qps') END;
END
$$;
COMMENT ON FUNCTION relay.agent_qps(text, text) IS 'how many calls per second an agent may make; null: no limit';
GRANT EXECUTE ON FUNCTION relay.agent_qps(text, text) TO relay_provisioner, relay_responder, relay_auditor;

-- A gateway passes what authenticate returned, so anything else is an error of its code.
CREATE FUNCTION relay.require_agent_of(org text, agent text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM relay.agents AS a WHERE a.agent_id = agent AND a.org_id = org) THEN
        RAISE EXCEPTION 'organization % has no agent %', COALESCE(left(org, 63), 'null'), COALESCE(left(agent, 127), 'null')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'pass org_id and agent_id as authenticate returned them';
    END IF;
END
$$;

-- A composite type, so that the result can gain a column without dropping the function.
CREATE TYPE relay_api.call_policy AS (
    qps           bigint,
    "window"      interval,
    require_nonce boolean,
    changes_at    timestamptz,
    addresses     cidr[],
    signing       text,
    session_ttl   interval,
    messages      text
);
COMMENT ON COLUMN relay_api.call_policy.qps IS 'how many calls per second the agent may make, over all gateways; null: no limit';
COMMENT ON COLUMN relay_api.call_policy."window" IS 'how far the time of a signed call may be from the clock of the database';
COMMENT ON COLUMN relay_api.call_policy.changes_at IS 'when the clock ends something in it: ask again then; null: never';
COMMENT ON COLUMN relay_api.call_policy.addresses IS
    'from where it may call; null: from anywhere; for a gateway that keeps a decision and gets a call from another address';
COMMENT ON COLUMN relay_api.call_policy.signing IS
    'required: a call must be signed; either and bearer: it shows a bearer key or a signature, and both together are malformed';
COMMENT ON COLUMN relay_api.call_policy.session_ttl IS 'the longest life of a token';
COMMENT ON COLUMN relay_api.call_policy.messages IS 'required: messages between agents must be signed; optional: they may be';

CREATE FUNCTION relay_api.policy(org_id text, agent_id text) RETURNS relay_api.call_policy
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    answer relay_api.call_policy;
BEGIN
    PERFORM relay.require_agent_of(policy.org_id, policy.agent_id);
    SELECT relay.agent_qps(policy.org_id, policy.agent_id), (max(f.value) FILTER (WHERE f.setting = 'window'))::interval,
           max(f.value) FILTER (WHERE f.setting = 'require_nonce') = 'yes', max(f.value) FILTER (WHERE f.setting = 'signing'),
           (max(f.value) FILTER (WHERE f.setting = 'session_ttl'))::interval, max(f.value) FILTER (WHERE f.setting = 'messages')
    INTO answer.qps, answer."window", answer.require_nonce, answer.signing, answer.session_ttl, answer.messages
    FROM relay.policy_in_force(policy.org_id, policy.agent_id) AS f;
    answer.changes_at := LEAST(
        (SELECT min(s.until) FROM relay.policy_said(policy.org_id, policy.agent_id) AS s),
        (SELECT b.ends_at FROM relay.subscriptions AS b WHERE b.org_id = policy.org_id AND b.ends_at > statement_timestamp()));
    answer.addresses := relay.allowed_addresses(policy.org_id, policy.agent_id);
    RETURN answer;
END
$$;
COMMENT ON FUNCTION relay_api.policy(text, text) IS
    'the policy of an agent, which a gateway keeps with its decision: until the feed says policy_changed, or until changes_at; '
    'org_id and agent_id are those that authenticate returned; works on a standby, too';
GRANT EXECUTE ON FUNCTION relay_api.policy(text, text) TO relay_gateway;

-- The change feed ------------------------------------------------------------------------------------------------------------------------

-- A change for the platform has no subject: gateways ask again about everything. Connections stay open, unless calls must be signed now:
-- a caller that opened one may only have shown a key.
CREATE FUNCTION relay.announce_policy() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'policy_changes' THEN
        PERFORM relay.announce(NEW.org_id, NEW.agent_id, NULL, 'policy_changed',
                               NEW.setting = 'signing' AND relay.signing_is_required(NEW.org_id, NEW.agent_id));
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM relay.announce(OLD.org_id, OLD.agent_id, NULL, 'policy_changed', false);
    ELSE
        PERFORM relay.announce(NEW.org_id, NEW.agent_id, NULL, 'policy_changed', false);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER announce_change AFTER INSERT OR UPDATE ON relay.policy_changes
    FOR EACH ROW EXECUTE FUNCTION relay.announce_policy();
CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE ON relay.call_policies
    FOR EACH ROW EXECUTE FUNCTION relay.announce_policy();
CREATE TRIGGER announce_truncate AFTER TRUNCATE ON relay.call_policies
    FOR EACH STATEMENT EXECUTE FUNCTION relay.announce_reset();
-- The limit of a plan concerns all agents of its organizations; they are not named one by one.
CREATE TRIGGER announce_insert AFTER INSERT ON relay.limits
    FOR EACH ROW WHEN (NEW.meter = 'agent_qps') EXECUTE FUNCTION relay.announce_policy();
CREATE TRIGGER announce_change AFTER UPDATE ON relay.limits
    FOR EACH ROW WHEN (NEW.meter = 'agent_qps' OR OLD.meter = 'agent_qps') EXECUTE FUNCTION relay.announce_policy();
CREATE TRIGGER announce_delete AFTER DELETE ON relay.limits
    FOR EACH ROW WHEN (OLD.meter = 'agent_qps') EXECUTE FUNCTION relay.announce_policy();

-- Another plan can have another limit of calls.
CREATE FUNCTION relay.announce_other_plan() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM relay.limits AS l WHERE l.owner_kind = 'plan' AND l.meter = 'agent_qps') THEN
        PERFORM relay.announce(NEW.org_id, NULL, NULL, 'policy_changed', false);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER announce_plan AFTER UPDATE OF plan ON relay.organizations
    FOR EACH ROW WHEN (NEW.plan <> OLD.plan) EXECUTE FUNCTION relay.announce_other_plan();
CREATE TRIGGER announce_plan AFTER INSERT OR UPDATE OF ends_at ON relay.subscriptions
    FOR EACH ROW EXECUTE FUNCTION relay.announce_other_plan();

-- The audit of changes by SQL --------------------------------------------------------------------------------------------------------------

-- As in 0015: a trigger writes the event, unless the transaction has written one itself.
CREATE FUNCTION relay.audit_policy() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    after jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
    what  text := CASE WHEN TG_TABLE_NAME = 'policy_changes' AND TG_OP = 'UPDATE' THEN 'policy_undone' ELSE 'policy_changed' END;
BEGIN
    IF NOT relay.has_own_event(after ->> 'agent_id', after ->> 'org_id', ARRAY['policy_changed', 'policy_undone']) THEN
        INSERT INTO relay.auth_events (org_id, agent_id, action, reason, actor, detail)
        VALUES (after ->> 'org_id', after ->> 'agent_id', what, 'by SQL', COALESCE(after ->> 'lifted_by', after ->> 'actor'),
                CASE WHEN TG_TABLE_NAME = 'call_policies'
                     THEN jsonb_build_object('allow', CASE TG_OP WHEN 'DELETE' THEN '"any"' ELSE after -> 'addresses' END)
                     ELSE jsonb_build_object('change_id', after -> 'change_id', after ->> 'setting', after -> 'value', 'until', after -> 'until')
                END);
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER audit_policy AFTER INSERT OR UPDATE ON relay.policy_changes DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION relay.audit_policy();
CREATE CONSTRAINT TRIGGER audit_policy AFTER INSERT OR UPDATE OR DELETE ON relay.call_policies DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION relay.audit_policy();
