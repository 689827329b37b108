-- Names of queues. They follow from the ids alone, so no table holds them, and no two owners share a queue.
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
