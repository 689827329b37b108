-- What organizations use: flows (messages, calls, tokens), which are taken in blocks, and stocks (machines, storage), which are
-- held by name.
--
-- A block counts as used when it is taken. So there is no lease, and nothing to sweep: a gateway that dies leaves at most one block
-- charged. A hold has a name, so a caller that lost the answer asks again, and never takes twice.

-- Not in 0021_plans.sql: there the calls of all gateways would wait for them, because ALTER TABLE locks these tables until its COMMIT.
CREATE INDEX organizations_by_plan ON relay.organizations (plan, org_id);
CREATE INDEX agents_by_seat ON relay.agents (org_id, (COALESCE(seat, created_at)), agent_id) WHERE NOT gone;

-- The meters that a function takes ------------------------------------------------------------------------------------------------------

-- An organization is the one that authenticate returned, so an unknown one is an error of the gateway, not a refusal.
CREATE FUNCTION relay.require_meter(org_id text, meter text, kind text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    found_kind text := (SELECT m.kind FROM relay.meters AS m WHERE m.meter = require_meter.meter);
BEGIN
    IF NOT EXISTS (SELECT FROM relay.organizations AS o WHERE o.org_id = require_meter.org_id) THEN
        RAISE EXCEPTION 'there is no organization %', COALESCE(left(org_id, 63), 'null') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF found_kind IS DISTINCT FROM kind THEN
        RAISE EXCEPTION 'there is no meter % of kind %', COALESCE(left(meter, 63), 'null'), kind USING ERRCODE = 'invalid_parameter_value',
            HINT = (SELECT 'meters of this kind: ' || string_agg(m.meter, ' ' ORDER BY m.meter) FROM relay.meters AS m
                    WHERE m.kind = require_meter.kind);
    END IF;
END
$$;

-- Without a limit, what is used can exceed any number: then a count stops at 9 * 10^18.
CREATE FUNCTION relay.as_count(total numeric) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT LEAST(total, 9000000000000000000)::bigint $$;
GRANT EXECUTE ON FUNCTION relay.as_count(numeric) TO relay_provisioner, relay_responder, relay_auditor;

-- On a standby nothing can be counted. The error names what to do, unlike the one of PostgreSQL.
CREATE FUNCTION relay.require_primary(asked text) RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'this server is a standby: call % on the primary', asked USING ERRCODE = 'read_only_sql_transaction';
    END IF;
END
$$;

-- A composite type, so that the result can gain a column without dropping the functions.
CREATE TYPE relay_api.quota_answer AS (granted bigint, reason text, remaining bigint, resets_at timestamptz);
COMMENT ON COLUMN relay_api.quota_answer.granted IS 'how much the caller may use: 0 if it is refused';
COMMENT ON COLUMN relay_api.quota_answer.remaining IS 'what the limit leaves after this answer; null: no limit';
COMMENT ON COLUMN relay_api.quota_answer.resets_at IS 'when the day of a flow ends (00:00 UTC); null for a stock';

-- Records a refusal in auth_events; of a flood of them, a row a minute with their number.
CREATE FUNCTION relay.note_quota_refusal(org_id text, reason text, about jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    refused relay.auth_events;
BEGIN
    refused.action := 'quota_refused';
    refused.outcome := 'failed';
    refused.org_id := note_quota_refusal.org_id;
    refused.reason := note_quota_refusal.reason;
    refused.detail := jsonb_strip_nulls(about);
    PERFORM relay.record_often(refused, whole => 1);
END
$$;

-- Flows --------------------------------------------------------------------------------------------------------------------------------

-- Half of each page is free, so that the versions of a row that changes all the time stay on its page.
CREATE TABLE relay.usage (
    org_id   text COLLATE "C" NOT NULL REFERENCES relay.organizations (org_id),
    meter    text COLLATE "C" NOT NULL REFERENCES relay.meters (meter),
    day      date NOT NULL,  -- in UTC
    used     bigint NOT NULL,
    at_limit boolean,
    CONSTRAINT usage_pkey PRIMARY KEY (org_id, meter, day),
    CONSTRAINT usage_used_positive CHECK (used >= 0)
) WITH (fillfactor = 50);
CREATE INDEX usage_by_day ON relay.usage (day);
COMMENT ON COLUMN relay.usage.at_limit IS
    'whether a take of this day was refused or left nothing, whatever the limit is today; null: no take wrote this row';
SELECT relay.isolate_tenants('relay.usage');
GRANT SELECT (org_id, meter, day, used) ON relay.usage TO relay_tenant;

-- How much of `amount` is granted if `left_over` is left; 0: not even at_least. Beyond at_least it is never more than an eighth of what is
-- left, so blocks become small near the end, and no gateway takes the rest of a day from the others. Plain SQL: it is inlined.
CREATE FUNCTION relay.share_of(left_over bigint, amount bigint, at_least bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN left_over IS NULL THEN amount
                WHEN left_over < at_least THEN 0 ELSE LEAST(amount, GREATEST(at_least, left_over / 8)) END
$$;

-- The usual call is two statements: the limit, and all of the amount from the row of today. There the limit is read before the lock of that
-- row: calls that wait for it while the limit is lowered may still be granted by the one of before. Everything else is decided under the
-- lock. The day is that of the question: a call that waits across midnight takes from the day before, and says so in resets_at.
CREATE FUNCTION relay_api.take(org_id text, meter text, amount bigint, at_least bigint DEFAULT NULL)
RETURNS relay_api.quota_answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    today  date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    needed bigint := COALESCE(take.at_least, take.amount);
    most_counted constant bigint := 9000000000000000000;  -- as relay.as_count
    most   bigint;
    taken  bigint;
    answer relay_api.quota_answer;
BEGIN
    IF (take.amount >= 1 AND take.amount <= 1000000000000000 AND needed >= 1 AND needed <= take.amount) IS NOT TRUE THEN
        PERFORM relay.require_between('amount', take.amount, 1, 1000000000000000);
        PERFORM relay.require_between('at_least', needed, 1, take.amount);
    END IF;
    IF pg_is_in_recovery() THEN
        PERFORM relay.require_primary('take');
    END IF;
    IF pg_current_xact_id_if_assigned() IS NULL THEN  -- as relay.commit_lazily, whose call would cost a tenth of this one
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    SELECT l.amount INTO most FROM relay.org_limits AS l WHERE l.org_id = take.org_id AND l.meter = take.meter;
    UPDATE relay.usage AS u SET used = u.used + LEAST(take.amount, most_counted - u.used), at_limit = (u.at_limit OR u.used + take.amount = most) IS TRUE
    WHERE u.org_id = take.org_id AND u.meter = take.meter AND u.day = today
      AND relay.share_of(most - u.used, take.amount, needed) = take.amount
    RETURNING take.amount, 'ok', most - u.used, (today + 1)::timestamp AT TIME ZONE 'UTC' INTO answer;
    IF FOUND THEN
        RETURN answer;
    END IF;

    -- Refusals beyond the first of a day wait for no one.
    SELECT u.used, 0 INTO taken, answer.granted FROM relay.usage AS u
    WHERE u.org_id = take.org_id AND u.meter = take.meter AND u.day = today AND u.at_limit
      AND relay.share_of(most - u.used, take.amount, needed) = 0;
    IF NOT FOUND THEN
        PERFORM relay.require_meter(take.org_id, take.meter, 'day');
        INSERT INTO relay.usage (org_id, meter, day, used, at_limit) VALUES (take.org_id, take.meter, today, 0, false)
        ON CONFLICT ON CONSTRAINT usage_pkey DO NOTHING;
        SELECT u.used INTO taken FROM relay.usage AS u
        WHERE u.org_id = take.org_id AND u.meter = take.meter AND u.day = today FOR NO KEY UPDATE;
        SELECT l.amount INTO most FROM relay.org_limits AS l WHERE l.org_id = take.org_id AND l.meter = take.meter;
        answer.granted := relay.share_of(most - taken, take.amount, needed);
        UPDATE relay.usage AS u
        SET used = u.used + LEAST(answer.granted, most_counted - u.used), at_limit = (u.at_limit OR answer.granted IN (0, most - taken)) IS TRUE
        WHERE u.org_id = take.org_id AND u.meter = take.meter AND u.day = today;
        PERFORM relay.require_effect(FOUND, 'what was taken of ' || take.meter);
    END IF;
    answer.reason := CASE WHEN answer.granted > 0 THEN 'ok' ELSE 'over_quota' END;
    answer.remaining := most - LEAST(most, taken + answer.granted);
    answer.resets_at := (today + 1)::timestamp AT TIME ZONE 'UTC';
    IF answer.granted = 0 THEN
        PERFORM relay.note_quota_refusal(take.org_id, answer.reason, jsonb_build_object(
            'meter', take.meter, 'asked', take.amount, 'at_least', needed, 'limit', most));
    END IF;
    RETURN answer;
END
$$;
COMMENT ON FUNCTION relay_api.take(text, text, bigint, bigint) IS
    'takes `amount` of a flow from today''s limit (UTC), or a part, but at least `at_least` (null: all or nothing); '
    'primary only; reasons: ok over_quota';

-- Returns what is used of that day. After its end nothing changes: the day is accounted.
CREATE FUNCTION relay_api.give_back(org_id text, meter text, amount bigint, taken_until timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    taken_on date := (give_back.taken_until AT TIME ZONE 'UTC')::date - 1;
    used     bigint;
BEGIN
    PERFORM relay.require_between('amount', give_back.amount, 1, 1000000000000000);
    IF (give_back.taken_until = (taken_on + 1)::timestamp AT TIME ZONE 'UTC') IS NOT TRUE OR NOT isfinite(give_back.taken_until) THEN
        RAISE EXCEPTION 'taken_until must be the resets_at of a take, which is 00:00 UTC, not %',
            COALESCE(give_back.taken_until::text, 'null') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM relay.require_primary('give_back');
    PERFORM relay.commit_lazily();
    UPDATE relay.usage AS u SET used = GREATEST(u.used - give_back.amount, 0)
    WHERE u.org_id = give_back.org_id AND u.meter = give_back.meter AND u.day = taken_on
      AND u.day = (clock_timestamp() AT TIME ZONE 'UTC')::date
    RETURNING u.used INTO used;
    IF NOT FOUND THEN
        PERFORM relay.require_meter(give_back.org_id, give_back.meter, 'day');
        used := COALESCE((SELECT u.used FROM relay.usage AS u
                          WHERE u.org_id = give_back.org_id AND u.meter = give_back.meter AND u.day = taken_on), 0);
    END IF;
    RETURN used;
END
$$;
COMMENT ON FUNCTION relay_api.give_back(text, text, bigint, timestamptz) IS
    'gives back what a take granted and no one used; taken_until is its resets_at: after that nothing changes; '
    'returns what is used of that day; primary only';
GRANT EXECUTE ON FUNCTION relay_api.take(text, text, bigint, bigint), relay_api.give_back(text, text, bigint, timestamptz) TO relay_gateway;

-- Stocks -------------------------------------------------------------------------------------------------------------------------------

-- Another amount or provider ends the row and begins a new one at the same moment, so the rows are also the bill: amount × hours, exact.
CREATE TABLE relay.holds (
    org_id   text COLLATE "C" NOT NULL REFERENCES relay.organizations (org_id),
    meter    text COLLATE "C" NOT NULL REFERENCES relay.meters (meter),
    hold_id  text COLLATE "C" NOT NULL,
    amount   bigint NOT NULL,
    provider text COLLATE "C",
    since    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    ended_at timestamptz,
    CONSTRAINT holds_hold_id_form CHECK (
        pg_catalog.length(hold_id) >= 1 AND pg_catalog.length(hold_id) <= 127 AND relay.is_visible(hold_id)),
    CONSTRAINT holds_amount_positive CHECK (amount >= 1 AND amount <= 1000000000000000),
    CONSTRAINT holds_provider_form CHECK (
        provider !~ '[^A-Za-z0-9_.-]' AND pg_catalog.length(provider) >= 1 AND pg_catalog.length(provider) <= 64),
    CONSTRAINT holds_ended_later CHECK (ended_at >= since)
);
-- The amounts are in the index, too: a new hold adds them up.
CREATE UNIQUE INDEX holds_open ON relay.holds (org_id, meter, hold_id) INCLUDE (amount) WHERE ended_at IS NULL;
CREATE INDEX holds_by_end ON relay.holds (ended_at);
CREATE INDEX holds_by_org ON relay.holds (org_id, meter, hold_id, ended_at);
GRANT SELECT ON relay.usage, relay.holds TO relay_provisioner, relay_responder, relay_auditor;
SELECT relay.isolate_tenants('relay.holds');
GRANT SELECT (org_id, meter, hold_id, amount, provider, since, ended_at) ON relay.holds TO relay_tenant;

-- Holds of one organization are taken one after the other: as for new agents, its row is the lock.
CREATE FUNCTION relay_api.hold(org_id text, meter text, hold_id text, amount bigint DEFAULT 1, provider text DEFAULT NULL)
RETURNS relay_api.quota_answer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    is_first boolean := pg_current_xact_id_if_assigned() IS NULL;  -- of this transaction's writes
    present  timestamptz;
    allowed  text[];
    most     bigint;
    held     bigint;
    old      record;
    source   text := hold.provider;
    answer   relay_api.quota_answer := ROW(0, NULL, NULL, NULL);
BEGIN
    PERFORM relay.require_between('amount', hold.amount, 1, 1000000000000000);
    IF (length(hold.hold_id) >= 1 AND length(hold.hold_id) <= 127 AND relay.is_visible(hold.hold_id)) IS NOT TRUE THEN
        RAISE EXCEPTION 'hold_id must have 1 to 127 visible characters' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF hold.provider ~ '[^A-Za-z0-9_.-]' OR length(hold.provider) NOT BETWEEN 1 AND 64 THEN
        RAISE EXCEPTION 'provider must have 1 to 64 of A-Z a-z 0-9 _ . -' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM relay.require_primary('hold');
    SELECT o.allowed_providers INTO allowed FROM relay.organizations AS o WHERE o.org_id = hold.org_id FOR NO KEY UPDATE;
    PERFORM relay.require_meter(hold.org_id, hold.meter, 'held');
    SELECT h.amount, h.provider, h.since INTO old FROM relay.holds AS h
    WHERE h.org_id = hold.org_id AND h.meter = hold.meter AND h.hold_id = hold.hold_id AND h.ended_at IS NULL;
    source := COALESCE(hold.provider, old.provider);
    most := relay.limit_for_new(hold.org_id, hold.meter);
    held := COALESCE((SELECT relay.as_count(sum(h.amount)) FROM relay.holds AS h
                      WHERE h.org_id = hold.org_id AND h.meter = hold.meter AND h.ended_at IS NULL), 0) - COALESCE(old.amount, 0);

    -- The same again or less is always granted, even above the limit.
    answer.reason := CASE
        WHEN hold.amount <= old.amount AND source IS NOT DISTINCT FROM old.provider THEN 'ok'
        WHEN allowed IS NOT NULL AND (source = ANY (allowed)) IS NOT TRUE THEN 'provider_not_allowed'
        WHEN held + hold.amount > most THEN 'over_quota' ELSE 'ok' END;
    answer.remaining := most - LEAST(most, held + CASE WHEN answer.reason = 'ok' THEN hold.amount ELSE COALESCE(old.amount, 0) END);

    IF answer.reason <> 'ok' THEN
        IF is_first THEN  -- the lock alone would make the COMMIT wait for the disk
            PERFORM set_config('synchronous_commit', 'off', true);
        END IF;
        PERFORM relay.note_quota_refusal(hold.org_id, answer.reason, jsonb_build_object(
            'meter', hold.meter, 'asked', hold.amount, 'hold_id', hold.hold_id, 'provider', source, 'limit', most));
        RETURN answer;
    END IF;
    answer.granted := hold.amount;
    IF old.amount = hold.amount AND source IS NOT DISTINCT FROM old.provider THEN
        RETURN answer;
    END IF;
    present := GREATEST(clock_timestamp(), old.since);  -- the clock may have been moved back
    UPDATE relay.holds AS h SET ended_at = present
    WHERE h.org_id = hold.org_id AND h.meter = hold.meter AND h.hold_id = hold.hold_id AND h.ended_at IS NULL;
    INSERT INTO relay.holds (org_id, meter, hold_id, amount, provider, since)
    VALUES (hold.org_id, hold.meter, hold.hold_id, hold.amount, source, present);
    PERFORM relay.require_effect(FOUND, 'hold ' || hold.hold_id);
    RETURN answer;
END
$$;
COMMENT ON FUNCTION relay_api.hold(text, text, text, bigint, text) IS
    'holds `amount` of a stock under a name that the caller chooses; the same name never holds twice, and another amount replaces '
    'the one before; primary only; reasons: ok over_quota provider_not_allowed';
GRANT EXECUTE ON FUNCTION relay_api.hold(text, text, text, bigint, text) TO relay_gateway;

-- Ends a hold, and returns what it was; no row if nothing is held under this name.
CREATE FUNCTION relay.end_hold(org_id text, meter text, hold_id text) RETURNS SETOF relay.holds
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM relay.organizations AS o WHERE o.org_id = end_hold.org_id FOR NO KEY UPDATE;
    PERFORM relay.require_meter(end_hold.org_id, end_hold.meter, 'held');
    RETURN QUERY UPDATE relay.holds AS h SET ended_at = GREATEST(clock_timestamp(), h.since)
    WHERE h.org_id = end_hold.org_id AND h.meter = end_hold.meter AND h.hold_id = end_hold.hold_id AND h.ended_at IS NULL RETURNING h.*;
END
$$;

CREATE FUNCTION relay_api.release(org_id text, meter text, hold_id text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ended boolean;
BEGIN
    PERFORM relay.require_short('hold_id', release.hold_id, 127);
    PERFORM relay.require_primary('release');
    PERFORM FROM relay.end_hold(release.org_id, release.meter, release.hold_id);
    ended := FOUND;
    PERFORM relay.require_effect(NOT EXISTS (
        SELECT FROM relay.holds AS h WHERE h.org_id = release.org_id AND h.meter = release.meter AND h.hold_id = release.hold_id
          AND h.ended_at IS NULL), 'the end of hold ' || release.hold_id);
    RETURN ended;
END
$$;
COMMENT ON FUNCTION relay_api.release(text, text, text) IS
    'ends a hold; returns false if nothing is held under this name, so it is safe to repeat; primary only';
GRANT EXECUTE ON FUNCTION relay_api.release(text, text, text) TO relay_gateway;

-- For people, who release what leaked. It writes the event itself, so that a release by SQL has one, too.
CREATE FUNCTION relay.release_hold(org_id text, meter text, hold_id text, actor text, reason text DEFAULT NULL, ticket text DEFAULT NULL,
                                   trace_id text DEFAULT NULL)
RETURNS SETOF relay.holds
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ended relay.holds;
BEGIN
    PERFORM relay.require_short(said.name, said.value, said.longest)
    FROM (VALUES ('hold_id', hold_id, 127), ('actor', actor, 1000), ('reason', reason, 1000), ('ticket', ticket, 1000),
                 ('trace_id', trace_id, 1000)) AS said (name, value, longest);
    SELECT * INTO ended FROM relay.end_hold(release_hold.org_id, release_hold.meter, release_hold.hold_id);
    IF FOUND THEN
        INSERT INTO relay.auth_events (org_id, action, reason, actor, ticket, trace_id, detail)
        VALUES (ended.org_id, 'hold_released', release_hold.reason, release_hold.actor, release_hold.ticket, release_hold.trace_id,
                jsonb_strip_nulls(jsonb_build_object('meter', ended.meter, 'hold_id', ended.hold_id, 'amount', ended.amount,
                                                     'provider', ended.provider, 'since', ended.since)));
        RETURN NEXT ended;
    END IF;
END
$$;
COMMENT ON FUNCTION relay.release_hold(text, text, text, text, text, text, text) IS
    'ends a hold that its caller did not release, and writes the event hold_released; returns the hold, or no row if there is none';
GRANT EXECUTE ON FUNCTION relay.release_hold(text, text, text, text, text, text, text) TO relay_provisioner;

-- Upkeep -------------------------------------------------------------------------------------------------------------------------------

-- The month that is under way and the 25 before it are kept whole.
CREATE FUNCTION relay.usage_kept_from() RETURNS date
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (date_trunc('month', statement_timestamp() AT TIME ZONE 'UTC') - interval '25 months')::date
$$;
GRANT EXECUTE ON FUNCTION relay.usage_kept_from() TO relay_provisioner, relay_responder, relay_auditor;

CREATE FUNCTION relay.prune_usage(max_rows integer DEFAULT 100000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kept_from date := relay.usage_kept_from();
    removed   bigint;
    ended     bigint;
BEGIN
    PERFORM relay.require_between('max_rows', prune_usage.max_rows, 1, 1000000);
    DELETE FROM relay.usage WHERE ctid = ANY (ARRAY(
        SELECT u.ctid FROM relay.usage AS u WHERE u.day < kept_from LIMIT prune_usage.max_rows FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS removed = ROW_COUNT;
    DELETE FROM relay.holds WHERE ctid = ANY (ARRAY(
        SELECT h.ctid FROM relay.holds AS h WHERE h.ended_at < kept_from::timestamp AT TIME ZONE 'UTC'
        LIMIT prune_usage.max_rows - removed FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS ended = ROW_COUNT;
    RETURN removed + ended;
END
$$;
COMMENT ON FUNCTION relay.prune_usage(integer) IS
    'removes the usage of days, and holds that ended, more than 25 whole months ago, at most max_rows; waits for no lock; returns how many';
GRANT EXECUTE ON FUNCTION relay.prune_usage(integer) TO relay_provisioner;
