-- Finding agents: searches in the registry, and the names of the queues that take their messages.

-- Searches -------------------------------------------------------------------------------------------------------------------------------

-- Reads no more live agents than there are seats.
CREATE FUNCTION relay.first_without_seat(org text, OUT seat timestamptz, OUT agent_id text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    seats bigint := relay.limit_of(org, 'agents');
BEGIN
    IF seats IS NOT NULL THEN
        SELECT COALESCE(a.seat, a.created_at), a.agent_id INTO first_without_seat.seat, first_without_seat.agent_id
        FROM relay.agents AS a
        WHERE a.org_id = org
          AND NOT EXISTS (SELECT FROM relay.standing_revocations AS gone
                          WHERE gone.subject_id = a.agent_id AND gone.subject_kind = 'agent' AND gone.kind = 'revoke' OFFSET 0)
        ORDER BY COALESCE(a.seat, a.created_at), a.agent_id OFFSET seats LIMIT 1;
    END IF;
END
$$;
COMMENT ON FUNCTION relay.first_without_seat(text) IS 'the place in the order of seats from which on agents have none; null: all have one';

CREATE FUNCTION relay.has_seat_before(agent text, place timestamptz, other text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    RETURN EXISTS (SELECT FROM relay.agents AS a WHERE a.agent_id = agent AND (COALESCE(a.seat, a.created_at), a.agent_id) < (place, other));
END
$$;

-- One page. It ends before its cards, and those that it looked at in vain, are more than 4 MiB: a tenant chooses the size of its cards, and
-- a gateway holds the pages of all tenants. Each card counts 512 bytes more, for the look at its lease. So a page may end early, even
-- without an agent, and then says where the next one begins.
--
-- Of the two parts one is empty: a single one that serves both with OR never uses the index of terms. The order is that of each part, so
-- nothing is read that no page shows. The plan is made once: it fits any organization, and takes longer to make than to run.
CREATE FUNCTION relay_api.find_agents(
    org_id text, skill text DEFAULT NULL, tag text DEFAULT NULL, capability text DEFAULT NULL, pattern text DEFAULT NULL,
    after text DEFAULT '', most integer DEFAULT 100)
RETURNS SETOF relay_api.running_agent
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    rows   integer := LEAST(GREATEST(COALESCE(find_agents.most, 100), 1), 1000);
    budget integer := 4194304;
    last   text := COALESCE(find_agents.after, '');
    wanted text[] := array_remove(ARRAY[relay.card_term(find_agents.org_id, 'skill', find_agents.skill),
                                        relay.card_term(find_agents.org_id, 'tag', find_agents.tag),
                                        relay.card_term(find_agents.org_id, 'can', find_agents.capability)], NULL);
    glob   text := translate(regexp_replace(lower(find_agents.pattern COLLATE "C"), '([\\%_])', '\\\1', 'g'), '*?', '%_');
    beyond record;
    look   record;
BEGIN
    PERFORM relay.require_primary('find_agents'),
            relay.require_short('org_id', find_agents.org_id, 63), relay.require_short('skill', find_agents.skill, 255),
            relay.require_short('tag', find_agents.tag, 255), relay.require_short('capability', find_agents.capability, 255),
            relay.require_short('pattern', find_agents.pattern, 127), relay.require_short('after', find_agents.after, 127);
    IF '' IN (find_agents.skill, find_agents.tag, find_agents.capability, find_agents.pattern) THEN
        RETURN;
    END IF;
    SELECT f.seat, f.agent_id INTO beyond FROM relay.first_without_seat(find_agents.org_id) AS f;
    FOR look IN
        SELECT c.agent_id, c.card, c.cost, lease.instances, lease.ends_at
        FROM ((SELECT t.agent_id, t.org_id, t.card, t.bytes + 512 AS cost
               FROM (SELECT f.agent_id, f.org_id, f.card, f.bytes FROM relay.agent_cards AS f WHERE f.terms @> wanted OFFSET 0) AS t
               WHERE wanted <> '{}' AND t.org_id = find_agents.org_id AND t.agent_id > last ORDER BY t.agent_id LIMIT budget / 512)
              UNION ALL
              (SELECT f.agent_id, f.org_id, f.card, f.bytes + 512 FROM relay.agent_cards AS f
               WHERE wanted = '{}' AND f.org_id = find_agents.org_id AND f.agent_id > last ORDER BY f.agent_id LIMIT budget / 512)) AS c
        LEFT JOIN LATERAL relay.running_lease(c.org_id, c.agent_id) AS lease ON true
        ORDER BY c.agent_id
    LOOP
        IF rows = 0 OR budget <= 0 THEN
            RETURN NEXT ROW(NULL, NULL, NULL, NULL, last)::relay_api.running_agent;
            EXIT;
        END IF;
        last := look.agent_id;
        budget := budget - look.cost;
        IF look.instances IS NOT NULL AND (glob IS NULL OR relay.card_matches(look.agent_id, look.card, glob))
           AND (beyond.agent_id IS NULL OR relay.has_seat_before(look.agent_id, beyond.seat, beyond.agent_id)) THEN
            rows := rows - 1;
            RETURN NEXT ROW(look.agent_id, look.card, look.instances, look.ends_at, NULL)::relay_api.running_agent;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION relay_api.find_agents(text, text, text, text, text, text, integer) IS
    'the agents of an organization (of the verified caller, never of the request) that run, by skill, tag, capability and pattern (* and ? over '
    'id, name and skill ids), all of which must fit; null: any; by agent_id, from the one after `after` on, 1 to 1000 rows and about 4 MiB; if '
    'others may follow, one more row without an agent has their `after` in next; primary only';

CREATE FUNCTION relay_api.agent_card(org_id text, agent_id text) RETURNS SETOF relay_api.running_agent
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM relay.require_short('org_id', agent_card.org_id, 63), relay.require_short('agent_id', agent_card.agent_id, 127);
    IF pg_is_in_recovery() THEN
        RETURN QUERY
        SELECT c.agent_id, c.card, NULL::bigint, NULL::timestamptz, NULL::text
        FROM relay.agent_cards AS c JOIN relay.agent_status AS s ON s.agent_id = c.agent_id
        WHERE c.agent_id = agent_card.agent_id AND c.org_id = agent_card.org_id AND s.status = 'active'
          AND relay.has_seat(c.org_id, c.agent_id);
    ELSE
        RETURN QUERY
        SELECT c.agent_id, c.card, lease.instances, lease.ends_at, NULL::text
        FROM relay.agent_cards AS c CROSS JOIN LATERAL relay.running_lease(c.org_id, c.agent_id) AS lease
        WHERE c.agent_id = agent_card.agent_id AND c.org_id = agent_card.org_id AND relay.has_seat(c.org_id, c.agent_id);
    END IF;
END
$$;
COMMENT ON FUNCTION relay_api.agent_card(text, text) IS
    'the row of find_agents for one agent, or none; a standby cannot read leases, so there instances and lease_ends_at are null';

GRANT EXECUTE ON FUNCTION relay_api.find_agents(text, text, text, text, text, text, integer), relay_api.agent_card(text, text) TO relay_gateway;

-- Names of queues ------------------------------------------------------------------------------------------------------------------------

-- They follow from the ids alone, so no table holds them, and no two owners share a queue.
--
--   ORG-agents  ORG-orchestrator  ORG-dlq    the shared queues of an organization
--   ORG.AGENT                                the queue of an agent
--
-- No id of an organization has a dot. So the first dot splits a name, and shared names have none. Not every broker takes every id as it
-- is; then the name has the id in another spelling, and after it /MASK. No id has a slash.
--
--   acme.bot.v2/8    Bot.v2: names are in lower case, because Azure Service Bus ignores case. The mask says which letters are capitals,
--                    four characters per hexadecimal digit, without zeros at its end.
--   acme.bot-/0      bot-: a name ends in a letter or digit.
--   acme.a.-b/2      a..b: no part of a NATS subject is empty. A masked hyphen is a dot that follows a dot.
--   amq/0.bot        organization amq: RabbitMQ keeps names that begin with amq. to itself.
--
-- For a broker that gives rights by folders, the queue of Bot.v2 is in the folder of that of bot.v2; both are agents of one organization.
-- Service Bus: letters, digits and . - _ /, at most 260; RabbitMQ: at most 255 bytes. The longest name here has 224.

CREATE FUNCTION relay_api.queue_name(org_id text, kind text, agent_id text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    prefix text := CASE org_id WHEN 'amq' THEN 'amq/0' ELSE org_id END || '.';
    marked text;  -- the id, with + for a dot that follows a dot
    bits   bit(128);
BEGIN
    IF (org_id !~ '[^a-z0-9_-]' AND org_id ~ '^[a-z0-9]' AND length(org_id) <= 63) IS NOT TRUE THEN
        RETURN NULL;
    ELSIF kind IN ('agents', 'orchestrator', 'dlq') THEN
        RETURN CASE WHEN agent_id IS NULL THEN concat(org_id, '-', kind) END;
    ELSIF (kind = 'agent' AND agent_id !~ '[^A-Za-z0-9_.-]' AND agent_id ~ '^[A-Za-z0-9]' AND length(agent_id) <= 127) IS NOT TRUE THEN
        RETURN NULL;
    ELSIF agent_id !~ '[A-Z]|\.\.|[^A-Za-z0-9]$' THEN
        RETURN prefix || agent_id;
    END IF;
    marked := regexp_replace(agent_id, '(?<=\.)\.', '+', 'g');
    bits := rpad(translate(marked, 'abcdefghijklmnopqrstuvwxyz0123456789_.-ABCDEFGHIJKLMNOPQRSTUVWXYZ+',
                           repeat('0', 39) || repeat('1', 27)), 128, '0')::bit(128);
    RETURN concat(prefix, translate(lower(marked COLLATE "C"), '+', '-'), '/',
                  COALESCE(NULLIF(rtrim(lpad(to_hex(substring(bits FROM 1 FOR 64)::bit(64)::bigint), 16, '0')
                                        || lpad(to_hex(substring(bits FROM 65)::bit(64)::bigint), 16, '0'), '0'), ''), '0'));
END
$$;
COMMENT ON FUNCTION relay_api.queue_name(text, text, text) IS
    'the name of a queue, valid in Azure Service Bus and RabbitMQ and as a subject of NATS; kinds: agents orchestrator dlq, and agent with '
    'an agent_id; null: such a queue has no name; whether organization and agent exist is not asked';

CREATE FUNCTION relay_api.queue_owner(name text, OUT org_id text, OUT kind text, OUT agent_id text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dot    integer := strpos(name, '.');
    mask   text;
    bits   text;
    place  integer;
    letter text;
BEGIN
    IF (length(name) <= 224) IS NOT TRUE THEN
        RETURN;
    ELSIF dot = 0 THEN
        org_id := regexp_replace(name, '-[a-z]+$', '');
        kind := substring(name, '-([a-z]+)$');
    ELSE
        org_id := CASE left(name, dot) WHEN 'amq/0.' THEN 'amq' ELSE left(name, dot - 1) END;
        kind := 'agent';
        agent_id := split_part(substr(name, dot + 1), '/', 1);
        mask := substring(name, '/([0-9a-f]{1,32})$');
        IF mask IS NOT NULL THEN
            bits := ('x' || rpad(mask, 32, '0'))::bit(128)::text;
            place := strpos(bits, '1');
            WHILE place > 0 LOOP
                letter := substr(agent_id, place, 1);
                agent_id := overlay(agent_id PLACING CASE letter WHEN '-' THEN '.' ELSE upper(letter COLLATE "C") END FROM place FOR 1);
                bits := overlay(bits PLACING '0' FROM place FOR 1);
                place := strpos(bits, '1');
            END LOOP;
        END IF;
    END IF;
    IF relay_api.queue_name(org_id, kind, agent_id) IS DISTINCT FROM name THEN
        org_id := NULL;
        kind := NULL;
        agent_id := NULL;
    END IF;
END
$$;
COMMENT ON FUNCTION relay_api.queue_owner(text) IS
    'the owner of the queue with this name: the arguments of queue_name; nulls for any text that is not one of its names';

GRANT USAGE ON SCHEMA relay_api TO relay_provisioner, relay_responder, relay_auditor;
GRANT EXECUTE ON FUNCTION relay_api.queue_name(text, text, text), relay_api.queue_owner(text)
    TO relay_gateway, relay_provisioner, relay_responder, relay_auditor;
