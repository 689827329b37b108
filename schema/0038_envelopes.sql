-- Envelopes of messages between agents: their rules, and the record of messages that a receiver refused. The rules are also in
-- json/message-envelope.json and in the verifier kit, for receivers that ask no database for each message.

-- 2026-02-30 is not a day; a leap second may be one in any zone; four digits of a year are what every reader can hold.
CREATE FUNCTION relay.time_with_zone(value text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN value ~ ('^(?!0000)(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)'
                              '|02-(?:0[1-9]|1[0-9]|2[0-8]))'
                              '|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)'
                              'T(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:[.][0-9]{1,9})?'
                              '(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$')
        -- Not with a cast: PostgreSQL accepts no zone beyond 15:59, and no leap second with a fraction.
        THEN (make_timestamp(substr(value, 1, 4)::integer, substr(value, 6, 2)::integer, substr(value, 9, 2)::integer,
                             substr(value, 12, 2)::integer, substr(value, 15, 2)::integer, 0)
              + make_interval(secs => substring(value, '^.{17}([0-9.]+)')::float8)
              - CASE WHEN value LIKE '%Z' THEN interval '0'
                     ELSE make_interval(hours => left(right(value, 6), 3)::integer,
                                        mins => concat(left(right(value, 6), 1), right(value, 2))::integer) END) AT TIME ZONE 'UTC' END
$$;
COMMENT ON FUNCTION relay.time_with_zone(text) IS
    'the time that an RFC 3339 text says, of the years 1 to 9999 and with at most nine digits of a second; null: it is none';

-- The value is jsonb, which has lost its size: envelope_text_problems judges that, too.
CREATE FUNCTION relay.envelope_problems(envelope jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN jsonb_typeof(envelope) IS DISTINCT FROM 'object' THEN ARRAY['/: must be an object']
        ELSE ARRAY(
            SELECT concat('/', rule.field, ': ', rule.what)
            FROM (VALUES
                (1, 'tenantId', 'must be a text', jsonb_typeof(envelope -> 'tenantId') = 'string'),
                (2, 'agentId', 'must be a text', jsonb_typeof(envelope -> 'agentId') = 'string'),
                (3, 'messageType', 'must be words in lower case, joined by dots', jsonb_typeof(envelope -> 'messageType') = 'string'
                    AND envelope ->> 'messageType' ~ '^[a-z0-9][a-z0-9_-]*([.][a-z0-9][a-z0-9_-]*)*$'),
                (4, 'payload', 'is missing', envelope ? 'payload'),
                (5, 'timestamp', 'must be a time of RFC 3339 with a zone', jsonb_typeof(envelope -> 'timestamp') = 'string'
                    AND relay.time_with_zone(envelope ->> 'timestamp') IS NOT NULL),
                (6, 'correlationId', 'must be a text', COALESCE(jsonb_typeof(envelope -> 'correlationId'), 'string') = 'string'),
                (7, 'causationId', 'must be a text', COALESCE(jsonb_typeof(envelope -> 'causationId'), 'string') = 'string'),
                (8, 'signature', 'must be a text', COALESCE(jsonb_typeof(envelope -> 'signature'), 'string') = 'string')
            ) AS rule (place, field, what, kept)
            WHERE rule.kept IS NOT TRUE ORDER BY rule.place)
    END
$$;
COMMENT ON FUNCTION relay.envelope_problems(jsonb) IS 'all that is wrong with an envelope, each as "PATH: what"; empty: nothing';

-- A number, a text, a depth or a name given twice, of which one reader makes something else than another, is refused, so that all four judge
-- alike.
-- Not parallel safe: before PostgreSQL 17, no parallel worker can catch an error.
CREATE FUNCTION relay.envelope_text_problems(envelope text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    value jsonb;
BEGIN
    IF octet_length(envelope) > 262144 THEN
        RETURN ARRAY['/: must have at most 256 KiB'];
    END IF;
    BEGIN
        value := envelope::jsonb;
        IF relay.is_too_deep(value) OR relay.has_huge_number(value) OR relay.colons(envelope) > relay.colons(value::text) THEN
            value := NULL;
        END IF;
    EXCEPTION WHEN data_exception OR statement_too_complex OR program_limit_exceeded THEN
        value := NULL;
    END;
    IF value IS NULL THEN
        RETURN ARRAY['/: must be JSON that every reader can hold: at most 64 levels, no name twice'];
    END IF;
    RETURN relay.envelope_problems(value);
END
$$;
COMMENT ON FUNCTION relay.envelope_text_problems(text) IS
    'as envelope_problems, and: at most 256 KiB, 64 levels deep, no name twice in an object, no NUL and no half of a surrogate pair, numbers '
    'that fit a double and have at most 16383 decimals; '
    'never raises an error';
GRANT EXECUTE ON FUNCTION relay.time_with_zone(text), relay.envelope_problems(jsonb), relay.envelope_text_problems(text),
    relay.is_too_deep(jsonb), relay.has_huge_number(jsonb), relay.colons(text)
    TO relay_provisioner, relay_responder, relay_auditor;

-- For receivers ---------------------------------------------------------------------------------------------------------------------------

CREATE TYPE relay_api.envelope_check AS (
    ok       boolean,
    reason   text,
    problems text[]
);
COMMENT ON COLUMN relay_api.envelope_check.reason IS 'ok envelope_invalid tenant_mismatch agent_mismatch stale unverified';

-- The sender, as far as the receiver knows it. A gateway passes what authenticate returned, or the owner of a queue.
CREATE FUNCTION relay.require_sender(org text, agent text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    IF agent IS NOT NULL THEN
        PERFORM relay.require_agent_of(org, agent);
    ELSIF NOT EXISTS (SELECT FROM relay.organizations AS o WHERE o.org_id = org) THEN
        RAISE EXCEPTION 'there is no organization %', COALESCE(left(org, 63), 'null')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'pass org_id as authenticate or queue_owner returned it';
    END IF;
END
$$;

CREATE FUNCTION relay_api.check_envelope(envelope text, org_id text, agent_id text DEFAULT NULL) RETURNS relay_api.envelope_check
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    answer      relay_api.envelope_check;
    read        jsonb;
    sent_at     timestamptz;
    time_window interval;
BEGIN
    PERFORM relay.require_sender(org_id, agent_id);
    answer.problems := relay.envelope_text_problems(envelope);
    answer.reason := 'envelope_invalid';
    IF cardinality(answer.problems) = 0 THEN
        read := envelope::jsonb;
        sent_at := relay.time_with_zone(read ->> 'timestamp');
        SELECT (f.value::interval) INTO time_window FROM relay.policy_in_force(org_id, agent_id) AS f WHERE f.setting = 'window';
        answer.reason := CASE
            WHEN read ->> 'tenantId' <> org_id THEN 'tenant_mismatch'
            WHEN read ->> 'agentId' <> agent_id THEN 'agent_mismatch'
            WHEN sent_at < statement_timestamp() - time_window OR sent_at > statement_timestamp() + time_window THEN 'stale'
            WHEN (SELECT f.value FROM relay.policy_in_force(org_id, agent_id) AS f WHERE f.setting = 'messages') = 'optional' THEN 'ok'
            ELSE 'unverified' END;
    END IF;
    answer.ok := answer.reason = 'ok';
    RETURN answer;
END
$$;
COMMENT ON FUNCTION relay_api.check_envelope(text, text, text) IS
    'checks an envelope against the sender as the receiver knows it (agent_id null: it knows the organization only), and its time '
    'against the window of the sender''s policy; no signature is checked, so a message is unverified where the policy says that messages '
    'must be signed; reasons: ok envelope_invalid tenant_mismatch agent_mismatch stale unverified; works on a standby, too';

-- An agent can send any number of bad messages, so their events are folded. What an envelope claims is not proven, and may be any text.
CREATE FUNCTION relay_api.refuse_message(org_id text, agent_id text, reason text, claimed_org text DEFAULT NULL,
                                         trace_id text DEFAULT NULL, receiver text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    refused relay.auth_events;
BEGIN
    PERFORM relay.require_primary('refuse_message');
    PERFORM relay.require_sender(org_id, agent_id), relay.require_short('receiver', receiver, 127);
    IF (reason IN ('envelope_invalid', 'tenant_mismatch', 'agent_mismatch', 'stale', 'unverified')) IS NOT TRUE THEN
        RAISE EXCEPTION '% is not a reason to refuse a message', COALESCE(left(reason, 63), 'null')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'reasons: envelope_invalid tenant_mismatch agent_mismatch stale unverified';
    END IF;
    refused.action := 'message_refused';
    refused.outcome := 'failed';
    refused.reason := refuse_message.reason;
    refused.org_id := refuse_message.org_id;
    refused.agent_id := refuse_message.agent_id;
    refused.trace_id := left(refuse_message.trace_id, 64);
    refused.detail := NULLIF(jsonb_strip_nulls(jsonb_build_object('claimed_org_id', left(claimed_org, 63), 'receiver', receiver)), '{}');
    PERFORM relay.record_often(refused);
END
$$;
COMMENT ON FUNCTION relay_api.refuse_message(text, text, text, text, text, text) IS
    'records that a receiver refused a message, and why (the reasons of check_envelope); org_id and agent_id are the sender as the '
    'receiver knows it, agent_id null if it does not; claimed_org: what the envelope says; receiver: the agent that refused it';
GRANT EXECUTE ON FUNCTION relay_api.check_envelope(text, text, text), relay_api.refuse_message(text, text, text, text, text, text)
    TO relay_gateway;
