-- What a billing system says about the plan of an organization, and when the plan ends: relay_api.set_subscription.
--
-- Billing systems send events twice and out of order, so the time of a change decides and not the time of its arrival. An organization can
-- have several subscriptions: one that replaces another begins before the other ends. So the newest change of each is kept, and the plan
-- follows from all of them. That is the same in whatever order they arrive.

CREATE TABLE relay.said_subscriptions (
    org_id    text COLLATE "C" NOT NULL REFERENCES relay.organizations (org_id),
    reference text COLLATE "C" NOT NULL,
    state     text COLLATE "C" NOT NULL,
    ends_at   timestamptz,
    said_at   timestamptz NOT NULL,
    said_plan text COLLATE "C",
    CONSTRAINT said_subscriptions_pkey PRIMARY KEY (org_id, reference),
    CONSTRAINT said_subscriptions_state_known CHECK (state IN ('active', 'past_due', 'cancelled')),
    CONSTRAINT said_subscriptions_end_of_state CHECK ((state = 'active') = (ends_at IS NULL)),
    CONSTRAINT said_subscriptions_ends_sometime CHECK (pg_catalog.isfinite(ends_at) AND pg_catalog.isfinite(said_at)),
    CONSTRAINT said_subscriptions_reference_form CHECK (
        pg_catalog.octet_length(reference) <= 200 AND (reference = '' OR relay.is_visible(reference)))
);
COMMENT ON TABLE relay.said_subscriptions IS
    'the newest change of each subscription; the row of relay.subscriptions is the one of them that counts: relay.said_subscription';
COMMENT ON COLUMN relay.said_subscriptions.reference IS
    'the id in the billing system; empty: the change named none, so it concerns all subscriptions of before';
COMMENT ON COLUMN relay.said_subscriptions.said_plan IS 'null: as before';
SELECT relay.isolate_tenants('relay.said_subscriptions');
GRANT SELECT ON relay.said_subscriptions TO relay_provisioner, relay_responder, relay_auditor;
GRANT SELECT (org_id, state, ends_at) ON relay.said_subscriptions TO relay_tenant;

-- A change without a reference ends what was said before it, and itself counts until something later is said. Of the others one that is
-- active counts, the newest of these, so no subscription that ends takes the plan of another one. Else the one that ends last counts.
CREATE FUNCTION relay.said_subscription(org text) RETURNS relay.said_subscriptions
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT said FROM relay.said_subscriptions AS said
    LEFT JOIN relay.said_subscriptions AS of_all ON of_all.org_id = org AND of_all.reference = ''
    WHERE said.org_id = org AND (said.said_at < of_all.said_at) IS NOT TRUE
    ORDER BY said.reference = '', said.state <> 'active', said.ends_at DESC, said.said_at DESC, said.reference DESC LIMIT 1
$$;
COMMENT ON FUNCTION relay.said_subscription(text) IS 'the subscription of an organization that counts';
GRANT EXECUTE ON FUNCTION relay.said_subscription(text) TO relay_provisioner, relay_responder, relay_auditor;

-- Of two changes of one subscription in the same second, the one that is later in its life counts.
CREATE FUNCTION relay.change_subscription(
    org_id text, plan text, state text, ends_at timestamptz, reference text, said_at timestamptz,
    actor text, note text, ticket text, trace_id text, OUT changed boolean, OUT reason text, OUT lost_seats bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    held         record;
    said         relay.said_subscriptions := ROW(org_id, COALESCE(reference, ''), state, ends_at, said_at, plan);
    stored       relay.said_subscriptions;
    now_counts   relay.said_subscriptions;
    now_plan     text;
    shown        text;
    seats_before bigint;
BEGIN
    PERFORM relay.require_short('org_id', org_id, 63), relay.require_short('plan', plan, 63), relay.require_short('reference', reference, 200),
            relay.require_short('actor', actor, 1000), relay.require_short('note', note, 1000), relay.require_short('ticket', ticket, 1000),
            relay.require_short('trace_id', trace_id, 64);
    -- Two statements, because the second must see what was committed while the first waited.
    PERFORM FROM relay.organizations AS o WHERE o.org_id = change_subscription.org_id FOR NO KEY UPDATE;
    SELECT o.plan, s.org_id IS NOT NULL AS known, s.state, s.ends_at, s.reference, s.said_at, s.said_plan,
           (s.ends_at <= statement_timestamp() AND NOT s.end_announced) IS TRUE AS ended_in_silence INTO held FROM relay.organizations AS o
    LEFT JOIN relay.subscriptions AS s ON s.org_id = o.org_id WHERE o.org_id = change_subscription.org_id;
    IF held.plan IS NULL THEN
        RAISE EXCEPTION 'there is no organization %', COALESCE(org_id, 'null') USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Locked against a change of the plan's limits: the seats that are lost by both would be announced by neither.
    PERFORM FROM relay.plans AS p WHERE p.plan_id = COALESCE(plan, held.plan) FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no plan %', plan USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF reference = '' OR (state IN ('active', 'past_due', 'cancelled') AND (state = 'active') = (ends_at IS NULL)) IS NOT TRUE THEN
        RAISE EXCEPTION 'state must be active without ends_at, or past_due or cancelled with ends_at; and reference not empty'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF (isfinite(said_at) AND said_at <= clock_timestamp() + interval '5 minutes' AND isfinite(COALESCE(ends_at, now()))) IS NOT TRUE THEN
        RAISE EXCEPTION 'said_at must be a time that is at most 5 minutes ahead, and ends_at a time'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    changed := false;
    lost_seats := 0;
    SELECT s.* INTO stored FROM relay.said_subscriptions AS s WHERE s.org_id = said.org_id AND s.reference = said.reference;
    IF ROW(said.said_at, position(said.state IN 'active past_due cancelled'), COALESCE(said.ends_at, '-infinity'),
           COALESCE(said.said_plan, '') COLLATE "C")
       < ROW(stored.said_at, position(stored.state IN 'active past_due cancelled'), COALESCE(stored.ends_at, '-infinity'),
             COALESCE(stored.said_plan, '')) THEN
        reason := 'stale';
        RETURN;
    END IF;
    INSERT INTO relay.said_subscriptions SELECT said.*
    ON CONFLICT ON CONSTRAINT said_subscriptions_pkey DO UPDATE SET (state, ends_at, said_at, said_plan) =
        (excluded.state, excluded.ends_at, excluded.said_at, excluded.said_plan)
    WHERE stored IS DISTINCT FROM said;
    PERFORM relay.require_effect(EXISTS (SELECT FROM relay.said_subscriptions AS s WHERE s IS NOT DISTINCT FROM said),
                                 'the subscription of org ' || org_id);
    now_counts := relay.said_subscription(org_id);
    now_plan := COALESCE(now_counts.said_plan, held.plan);
    shown := COALESCE(NULLIF(now_counts.reference, ''), held.reference);
    -- The second: the same event again, after someone else set organizations.plan.
    IF held.known AND ((held.state, held.plan, held.ends_at, held.reference)
           IS NOT DISTINCT FROM (now_counts.state, now_plan, now_counts.ends_at, shown)
        OR (held.state, held.said_plan, held.ends_at, held.reference, held.said_at)
           IS NOT DISTINCT FROM (now_counts.state, now_counts.said_plan, now_counts.ends_at, shown, now_counts.said_at)) THEN
        reason := CASE WHEN now_counts.reference = said.reference THEN 'unchanged'
                       WHEN now_counts.reference = '' OR said.reference = '' THEN 'stale' ELSE 'other_subscription' END;
        UPDATE relay.subscriptions AS s SET said_at = now_counts.said_at, said_plan = now_counts.said_plan
        WHERE s.org_id = change_subscription.org_id AND (s.said_at, s.said_plan) IS DISTINCT FROM (now_counts.said_at, now_counts.said_plan);
        RETURN;
    END IF;

    -- A plan that ended by the clock is free already, but its agents may still have open connections.
    seats_before := CASE WHEN NOT held.ended_in_silence THEN relay.limit_of(org_id, 'agents') ELSE (SELECT l.amount FROM relay.limits AS l
        WHERE l.owner_kind = 'plan' AND l.owner_id = held.plan AND l.meter = 'agents') END;
    INSERT INTO relay.auth_events (org_id, action, reason, actor, ticket, trace_id, detail)
    VALUES (org_id, 'plan_changed', note, actor, ticket, trace_id, jsonb_strip_nulls(jsonb_build_object(
        'plan', now_plan, 'plan_before', held.plan, 'state', now_counts.state, 'state_before', held.state, 'ends_at', now_counts.ends_at,
        'reference', shown, 'reference_before', held.reference, 'said_at', now_counts.said_at)));
    UPDATE relay.organizations AS o SET plan = now_plan WHERE o.org_id = change_subscription.org_id AND o.plan <> now_plan;
    INSERT INTO relay.subscriptions AS s (org_id, state, ends_at, reference, said_at, said_plan, end_announced)
    VALUES (org_id, now_counts.state, now_counts.ends_at, shown, now_counts.said_at, now_counts.said_plan,
            COALESCE(now_counts.ends_at <= statement_timestamp(), false))
    ON CONFLICT ON CONSTRAINT subscriptions_pkey DO UPDATE SET (state, ends_at, reference, said_at, said_plan, end_announced) =
        (excluded.state, excluded.ends_at, excluded.reference, excluded.said_at, excluded.said_plan, excluded.end_announced);
    PERFORM relay.require_effect(FOUND AND now_plan = (SELECT o.plan FROM relay.organizations AS o WHERE o.org_id = change_subscription.org_id),
                                 'the subscription of org ' || org_id);
    lost_seats := relay.note_lost_seats(org_id, seats_before);
    changed := true;
    reason := 'ok';
END
$$;
GRANT EXECUTE ON FUNCTION relay.change_subscription(text, text, text, timestamptz, text, timestamptz, text, text, text, text)
    TO relay_provisioner;

-- For the webhook handler of a billing system, which does not run it again without the wake-up if that fails.
CREATE FUNCTION relay_api.set_subscription(
    org_id text, plan text, state text, ends_at timestamptz, reference text, said_at timestamptz, OUT changed boolean, OUT reason text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT set_config('relay.wake', 'later', true);
    SELECT done.changed, done.reason FROM relay.change_subscription($1, $2, $3, $4, $5, $6, SESSION_USER, NULL, NULL, NULL) AS done
$$;
COMMENT ON FUNCTION relay_api.set_subscription(text, text, text, timestamptz, text, timestamptz) IS
    'sets what the billing system says: state active (without ends_at), past_due or cancelled (ends_at: when the plan becomes free); '
    'plan and reference null: as before; said_at: when it happened there; reasons: ok stale unchanged other_subscription';
GRANT USAGE ON SCHEMA relay_api TO relay_billing;
GRANT EXECUTE ON FUNCTION relay_api.set_subscription(text, text, text, timestamptz, text, timestamptz) TO relay_billing;

-- A plan that ended by the clock is free without anyone's doing. Only the feed needs rows, for the connections that are open.
CREATE FUNCTION relay.announce_ended_plans(max_rows integer DEFAULT 1000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ended record;
    total bigint := 0;
BEGIN
    PERFORM relay.require_between('max_rows', announce_ended_plans.max_rows, 1, 100000);
    FOR ended IN
        SELECT s.org_id, o.plan, s.ends_at, s.state FROM relay.subscriptions AS s JOIN relay.organizations AS o ON o.org_id = s.org_id
        WHERE s.ends_at <= statement_timestamp() AND NOT s.end_announced ORDER BY s.org_id LIMIT announce_ended_plans.max_rows
        FOR NO KEY UPDATE OF s SKIP LOCKED
    LOOP
        UPDATE relay.subscriptions SET end_announced = true WHERE org_id = ended.org_id;
        PERFORM relay.note_lost_seats(ended.org_id, (SELECT l.amount FROM relay.limits AS l
            WHERE l.owner_kind = 'plan' AND l.owner_id = ended.plan AND l.meter = 'agents'));
        INSERT INTO relay.auth_events (org_id, action, detail)
        VALUES (ended.org_id, 'plan_ended', jsonb_build_object('plan_before', ended.plan, 'state', ended.state, 'ended_at', ended.ends_at));
        total := total + 1;
    END LOOP;
    RETURN total;
END
$$;
COMMENT ON FUNCTION relay.announce_ended_plans(integer) IS
    'writes the rows of the feed and the events of subscriptions that ended by the clock; returns their number';
GRANT EXECUTE ON FUNCTION relay.announce_ended_plans(integer) TO relay_provisioner;
