-- The functions by which gateways pair devices and refresh their tokens. 0025_devices.sql has the tables and the idea.

CREATE FUNCTION relay.require_digest(name text, value bytea) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (octet_length(value) = 32) IS NOT TRUE THEN
        RAISE EXCEPTION '% must be 32 bytes, a SHA-256', name USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

CREATE FUNCTION relay.require_lifetime(name text, value interval, shortest interval, longest interval) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (value >= shortest AND value <= longest) IS NOT TRUE THEN
        RAISE EXCEPTION '% must be from % to %, not %', name, shortest, longest, COALESCE(value::text, 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;

-- Whether an agent may pair: ok, blocked or revoked, itself or its organization. A revocation that was lifted still ends what was made
-- before.
CREATE FUNCTION relay.pairing_standing(agent_id text, org_id text, made_order bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN bool_or(row.kind = 'revoke' AND (row.lifted_at IS NULL OR row.cut_off > pairing_standing.made_order)) THEN 'revoked'
        WHEN bool_or(row.kind = 'block' AND row.lifted_at IS NULL AND (row.until IS NULL OR row.until > statement_timestamp())) THEN 'blocked'
        ELSE 'ok'
    END
    FROM relay.revocations AS row
    WHERE row.subject_id IN (pairing_standing.agent_id, pairing_standing.org_id)
      AND row.subject_id = CASE row.subject_kind WHEN 'agent' THEN pairing_standing.agent_id WHEN 'org' THEN pairing_standing.org_id END
$$;

-- Whether one more device fits, by the meter `devices`: everything that is neither revoked nor expired counts. An expired device cannot
-- come back, so it must not take a place forever. The lock on the organization makes two at the same time wait for each other.
CREATE FUNCTION relay.may_add_device(org text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    most bigint := relay.limit_for_new(may_add_device.org, 'devices');
BEGIN
    IF most IS NULL THEN
        RETURN true;
    END IF;
    PERFORM FROM relay.organizations AS o WHERE o.org_id = may_add_device.org FOR NO KEY UPDATE;
    most := relay.limit_for_new(may_add_device.org, 'devices');
    RETURN most IS NULL
        OR (SELECT count(*) FROM (SELECT FROM relay.device_status AS s
                                  WHERE s.org_id = may_add_device.org AND s.status IN ('active', 'blocked') LIMIT most) AS live) < most;
END
$$;

-- As before (0005_audit.sql), but the refusals of each meter and of each device are counted separately.
CREATE OR REPLACE FUNCTION relay.record_often(event relay.auth_events, whole integer DEFAULT 10, pace interval DEFAULT '1 minute') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    present  timestamptz := clock_timestamp();
    -- One host can use every address of its IPv6 /64, so they count as one.
    source   inet := CASE WHEN family(event.ip_address) = 6 THEN network(set_masklen(event.ip_address, 64)) ELSE event.ip_address END;
    -- If there is no such key or device, its id can be any text. Such events count as the same, whatever the id.
    key      text := CASE WHEN EXISTS (SELECT FROM relay.agent_keys AS k WHERE k.key_id = event.key_id)
                               OR EXISTS (SELECT FROM relay.devices AS d WHERE d.device_id = event.key_id)
                          THEN event.key_id END;
    what     text := concat(event.action, '|', event.reason, '|', event.detail ->> 'meter');
    about    text := concat(what, '|', event.org_id, '|', event.agent_id, '|', key, '|', source);
    flood    relay.event_floods;
    is_open  boolean;
    is_whole boolean;
BEGIN
    PERFORM relay.commit_lazily();
    IF NOT relay.can_write('event_floods') THEN
        RETURN;
    END IF;
    SELECT * INTO flood FROM relay.event_floods AS f WHERE f.backend = pg_backend_pid() AND f.subject = about FOR UPDATE SKIP LOCKED;
    IF (flood.ends_at > present) IS NOT TRUE AND NOT relay.may_begin_flood(present) THEN
        source := NULL;
        key := CASE WHEN event.agent_id IS NOT NULL THEN key END;  -- else the caller has only named it
        about := concat(what, '|', event.org_id, '|', event.agent_id, '|', key, '|others');
        SELECT * INTO flood FROM relay.event_floods AS f WHERE f.backend = pg_backend_pid() AND f.subject = about FOR UPDATE SKIP LOCKED;
    END IF;

    is_open := COALESCE(flood.ends_at > present, false);
    is_whole := NOT (is_open AND flood.written >= whole) AND relay.write_event(event, CASE WHEN NOT is_open THEN present END);
    IF is_open OR (flood.backend IS NOT NULL AND NOT is_whole) THEN
        UPDATE relay.event_floods AS f
        SET written = f.written + is_whole::integer, folded = f.folded + (NOT is_whole)::integer, last_at = present,
            trace_id = event.trace_id, detail = event.detail,
            claims = CASE WHEN is_whole THEN f.claims ELSE relay.add_claims(f.claims, event) END
        WHERE f.backend = flood.backend AND f.subject = about;
        RETURN;
    END IF;
    -- If another backend is writing this row in settle_floods right now, the row is still visible here. Then this window counts nothing,
    -- and each of its events has its own row.
    INSERT INTO relay.event_floods (backend, subject, ends_at, began_at, last_at, written, folded,
                                    org_id, agent_id, key_id, action, outcome, reason, ip_address, trace_id, detail, claims)
    SELECT pg_backend_pid(), about, present + pace, present, present, is_whole::integer, (NOT is_whole)::integer,
           event.org_id, event.agent_id, key, event.action, event.outcome, event.reason, source,
           event.trace_id, event.detail, CASE WHEN NOT is_whole THEN relay.add_claims(NULL, event) END
    WHERE NOT EXISTS (SELECT FROM relay.event_floods AS f WHERE f.backend = pg_backend_pid() AND f.subject = about);
END
$$;

CREATE FUNCTION relay.note_pairing(action text, outcome text, reason text, org_id text, agent_id text, key_id text, ip_address inet,
                                   detail jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    event relay.auth_events;
BEGIN
    event.action := note_pairing.action;
    event.outcome := note_pairing.outcome;
    event.reason := note_pairing.reason;
    event.org_id := note_pairing.org_id;
    event.agent_id := note_pairing.agent_id;
    event.key_id := note_pairing.key_id;
    event.ip_address := note_pairing.ip_address;
    event.detail := note_pairing.detail;
    PERFORM relay.record_often(event);
END
$$;

-- Pairing --------------------------------------------------------------------------------------------------------------------------------

-- An agent has one open code: a new one ends the old one. Two starts of one agent at the same time: the later insert wins.
CREATE FUNCTION relay_api.pair_start(agent_id text, pairing_id text, secret_digest bytea, ttl interval DEFAULT '10 minutes') RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    owner    text;
    standing text;
BEGIN
    PERFORM relay.require_primary('pair_start');
    PERFORM relay.require_short('agent_id', pair_start.agent_id, 127);
    IF (pair_start.pairing_id ~ '^[0-9a-hjkmnp-tv-z]{4}$') IS NOT TRUE THEN
        RAISE EXCEPTION 'pairing_id must be 4 characters of 0-9a-hjkmnp-tv-z' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM relay.require_digest('secret_digest', pair_start.secret_digest);
    PERFORM relay.require_lifetime('ttl', pair_start.ttl, '1 second', '1 hour');
    SELECT a.org_id INTO owner FROM relay.agents AS a WHERE a.agent_id = pair_start.agent_id;
    IF owner IS NULL THEN
        RETURN 'unknown_agent';
    END IF;
    standing := relay.pairing_standing(pair_start.agent_id, owner, made_order => 9223372036854775807);  -- it is not made yet
    IF standing <> 'ok' THEN
        RETURN standing;
    END IF;
    FOR attempt IN 1 .. 10 LOOP
        DELETE FROM relay.pairings AS p
        WHERE (p.agent_id = pair_start.agent_id AND p.device_id IS NULL)
           OR (p.pairing_id = pair_start.pairing_id AND p.expires_at <= clock_timestamp());
        INSERT INTO relay.pairings (pairing_id, secret_hash, org_id, agent_id, expires_at)
        VALUES (pair_start.pairing_id, sha256(pair_start.secret_digest), owner, pair_start.agent_id, clock_timestamp() + pair_start.ttl)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            DELETE FROM relay.pairings AS p WHERE p.pairing_id = ANY (ARRAY(
                SELECT o.pairing_id FROM relay.pairings AS o WHERE o.expires_at < clock_timestamp() - interval '1 hour'
                ORDER BY o.expires_at LIMIT 4 FOR UPDATE SKIP LOCKED));
            PERFORM relay.note_pairing('pairing_started', 'ok', 'ok', owner, pair_start.agent_id, NULL, NULL,
                                       jsonb_build_object('pairing_id', pair_start.pairing_id));
            RETURN 'ok';
        END IF;
        EXIT WHEN EXISTS (SELECT FROM relay.pairings AS p
                          WHERE p.pairing_id = pair_start.pairing_id AND p.expires_at > clock_timestamp()
                            AND (p.agent_id <> pair_start.agent_id OR p.device_id IS NOT NULL));
    END LOOP;
    RETURN 'id_taken';
END
$$;
COMMENT ON FUNCTION relay_api.pair_start(text, text, bytea, interval) IS
    'makes a code with which a device can be paired with an agent (its id as authenticate returned it): the public first 4 characters, '
    'and SHA-256 of the other 8; ends the code that the agent showed before; primary only; '
    'reasons: ok unknown_agent blocked revoked id_taken';

-- The attempt is counted before the secret is compared, under the lock of the row. A crash may forget the attempts of the last 0.6 s.
CREATE FUNCTION relay_api.pair_redeem(pairing_id text, secret_digest bytea, device_id text, device_name text, token_digest bytea,
                                      token_ttl interval DEFAULT '30 days', ip_address inet DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    durable text := COALESCE(NULLIF(current_setting('synchronous_commit'), 'off'), 'on');
    pairing relay.pairings;
    shown   jsonb := jsonb_build_object('pairing_id', left(pair_redeem.pairing_id, 4));
    is_same boolean;
    reason  text;
BEGIN
    PERFORM relay.require_primary('pair_redeem');
    PERFORM relay.require_short('pairing_id', pair_redeem.pairing_id, 4);
    PERFORM relay.require_digest('secret_digest', pair_redeem.secret_digest);
    PERFORM relay.require_digest('token_digest', pair_redeem.token_digest);
    PERFORM relay.require_lifetime('token_ttl', pair_redeem.token_ttl, '1 minute', '400 days');
    IF (pair_redeem.device_id ~ '^[0-9a-hjkmnp-tv-z]{12}$') IS NOT TRUE THEN
        RAISE EXCEPTION 'device_id must be 12 characters of 0-9a-hjkmnp-tv-z' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF (octet_length(pair_redeem.device_name) BETWEEN 1 AND 200 AND relay.is_visible(pair_redeem.device_name)
        AND NOT relay.has_blank_end(pair_redeem.device_name)) IS NOT TRUE THEN
        RAISE EXCEPTION 'device_name must be 1 to 200 bytes without invisible characters, and without a blank at its ends' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM relay.commit_lazily();  -- a flood of guesses must not become a flood of fsyncs
    UPDATE relay.pairings AS p SET attempts_left = p.attempts_left - 1
    WHERE p.pairing_id = pair_redeem.pairing_id AND p.attempts_left > 0
    RETURNING p.* INTO pairing;
    UPDATE relay.pairing_misses AS m SET misses = m.misses + 1
    WHERE m.slot = CASE WHEN pairing.pairing_id IS NULL  -- no slot is -1, but the index is asked for it, too
                        THEN get_byte(sha256(convert_to(COALESCE(pair_redeem.pairing_id, ''), 'UTF8')), 0) ELSE -1 END;
    -- This compares hashes, so the time that it takes reveals nothing useful.
    IF (COALESCE(pairing.secret_hash, '') = sha256(pair_redeem.secret_digest) AND pairing.expires_at > clock_timestamp()) IS NOT TRUE THEN
        reason := 'wrong_code';
    ELSIF pairing.device_id IS NOT NULL THEN
        -- The same call again, because its answer was lost.
        is_same := EXISTS (SELECT FROM relay.devices AS d
                           WHERE d.device_id = pairing.device_id AND d.device_id = pair_redeem.device_id
                             AND d.token_hash = sha256(pair_redeem.token_digest));
        reason := CASE WHEN is_same THEN 'ok' ELSE 'wrong_code' END;
    ELSE
        reason := relay.pairing_standing(pairing.agent_id, pairing.org_id, pairing.made_order);
    END IF;
    IF reason = 'wrong_code' THEN  -- whoever guesses has not proved to be anyone, so the event names no agent
        PERFORM relay.note_pairing('pairing_failed', 'failed', reason, NULL, NULL, NULL, pair_redeem.ip_address, shown);
        RETURN reason;
    END IF;
    PERFORM set_config('synchronous_commit', durable, true);
    IF is_same THEN
        RETURN reason;
    END IF;
    IF reason = 'ok' AND NOT (relay.find_seat(pairing.org_id, pairing.agent_id) AND relay.may_add_device(pairing.org_id)) THEN
        reason := 'over_limit';
    END IF;
    PERFORM relay.note_pairing(CASE WHEN reason = 'ok' THEN 'device_paired' ELSE 'pairing_failed' END,
                               CASE WHEN reason = 'ok' THEN 'ok' ELSE 'failed' END, reason, pairing.org_id, pairing.agent_id,
                               CASE WHEN reason = 'ok' THEN pair_redeem.device_id END, pair_redeem.ip_address, shown);
    IF reason = 'ok' THEN
        -- With the order of the code: a revocation that was made and lifted while this call waited for a place ends the device, too.
        INSERT INTO relay.devices (device_id, org_id, agent_id, name, made_order, token_hash, token_ttl, expires_at, seen_at, seen_from)
        VALUES (pair_redeem.device_id, pairing.org_id, pairing.agent_id, pair_redeem.device_name, pairing.made_order,
                sha256(pair_redeem.token_digest), pair_redeem.token_ttl, clock_timestamp() + pair_redeem.token_ttl, clock_timestamp(), pair_redeem.ip_address)
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'device_id % exists', pair_redeem.device_id USING ERRCODE = 'invalid_parameter_value';
        END IF;
        UPDATE relay.pairings AS p SET device_id = pair_redeem.device_id WHERE p.pairing_id = pairing.pairing_id;
    END IF;
    RETURN reason;
END
$$;
COMMENT ON FUNCTION relay_api.pair_redeem(text, bytea, text, text, bytea, interval, inet) IS
    'makes a device of the agent that shows this code, with its first refresh token: ids and digests are made by the gateway; primary only; '
    'reasons: ok wrong_code over_limit blocked revoked';

CREATE FUNCTION relay_api.pair_status(pairing_id text, agent_id text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM relay.require_short('pairing_id', pair_status.pairing_id, 4);
    PERFORM relay.require_short('agent_id', pair_status.agent_id, 127);
    RETURN COALESCE((SELECT CASE WHEN p.device_id IS NOT NULL THEN 'redeemed'
                                 WHEN p.expires_at > clock_timestamp() AND p.attempts_left > 0 THEN 'pending' END
                     FROM relay.pairings AS p
                     WHERE p.pairing_id = pair_status.pairing_id AND p.agent_id = pair_status.agent_id), 'gone');
END
$$;
COMMENT ON FUNCTION relay_api.pair_status(text, text) IS
    'for the agent that shows a code: pending, redeemed (for an hour at least), or gone (expired, dead, replaced by a newer one, or of another agent)';

-- Tokens ---------------------------------------------------------------------------------------------------------------------------------

-- At any moment one token works. The one before may be shown again as long as its successor was never used: within 10 s for two tabs, later
-- because the answer got lost. Any other use of a replaced token shows that two hold the device's tokens, so the device ends.
--
-- It commits fully, because a rotation that a crash undoes would look like theft. Each rotation adds one spent token and removes up to two
-- that have expired, so no job needs to.
CREATE FUNCTION relay_api.device_refresh(
    device_id text, token_digest bytea, next_digest bytea, ip_address inet DEFAULT NULL,
    OUT ok boolean, OUT reason text, OUT org_id text, OUT agent_id text, OUT expires_at timestamptz, OUT rotated boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    shown   bytea := sha256(device_refresh.token_digest);
    next    bytea := sha256(device_refresh.next_digest);
    device  relay.devices;
    status  text;
    present timestamptz;
BEGIN
    -- The calls only if they have something to say: together they cost a twentieth of this one.
    IF pg_is_in_recovery() OR (octet_length(device_refresh.device_id) <= 12 AND octet_length(device_refresh.token_digest) = 32
                               AND octet_length(device_refresh.next_digest) = 32) IS NOT TRUE THEN
        PERFORM relay.require_primary('device_refresh');
        PERFORM relay.require_short('device_id', device_refresh.device_id, 12);
        PERFORM relay.require_digest('token_digest', device_refresh.token_digest);
        PERFORM relay.require_digest('next_digest', device_refresh.next_digest);
    END IF;
    ok := false;
    rotated := false;
    -- Without a lock: someone who knows only the id must not hold up the device. A token that is known here stays known.
    SELECT d.* INTO device FROM relay.devices AS d
    WHERE d.device_id = device_refresh.device_id
      AND (shown IN (d.token_hash, d.last_hash)
           OR EXISTS (SELECT FROM relay.spent_tokens AS s WHERE s.token_hash = shown AND s.device_id = d.device_id));
    IF NOT FOUND THEN
        reason := 'unknown_token';
        PERFORM relay.note_pairing('device_refused', 'failed', reason, NULL, NULL, left(device_refresh.device_id, 12),
                                   device_refresh.ip_address, NULL);
        RETURN;
    END IF;
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    SELECT d.* INTO device FROM relay.devices AS d WHERE d.device_id = device_refresh.device_id FOR NO KEY UPDATE;
    status := (SELECT s.status FROM relay.device_status AS s WHERE s.device_id = device_refresh.device_id);
    present := clock_timestamp();
    reason := CASE
        WHEN status = 'revoked' THEN status
        WHEN shown <> device.token_hash AND (shown = device.last_hash) IS NOT TRUE THEN 'reused'
        WHEN status <> 'active' THEN status
        WHEN NOT relay.find_seat(device.org_id, device.agent_id) THEN 'over_limit'
        WHEN next IN (device.token_hash, device.last_hash)
             OR EXISTS (SELECT FROM relay.spent_tokens AS s WHERE s.token_hash = next) THEN 'bad_next'
        WHEN shown = device.token_hash THEN 'ok'
        WHEN device.token_at > present - interval '10 seconds' THEN 'again'
        ELSE 'replaced'
    END;
    ok := reason IN ('ok', 'again', 'replaced');
    rotated := reason IN ('ok', 'replaced');
    IF reason = 'reused' THEN
        -- No one runs this call again without the wake-up, which any login can make fail (relay.announce).
        PERFORM set_config('relay.wake', 'later', true);
        PERFORM relay.note_pairing('device_revoked', 'ok', reason, device.org_id, device.agent_id, device.device_id,
                                   device_refresh.ip_address, NULL);  -- before its row: see relay.audit_shut_out. The lock has made the commit a full one
        INSERT INTO relay.revocations (subject_kind, subject_id, kind, reason, actor)
        VALUES ('device', device.device_id, 'revoke', 'a refresh token that was replaced was used again', 'relay_api.device_refresh');
        PERFORM relay.require_effect(FOUND, 'the revocation of device ' || device.device_id);
    END IF;
    IF NOT ok THEN
        PERFORM relay.note_pairing('device_refused', 'failed', reason, device.org_id, device.agent_id, device.device_id,
                                   device_refresh.ip_address, NULL);
        RETURN;
    END IF;
    org_id := device.org_id;
    agent_id := device.agent_id;
    expires_at := device.expires_at;
    IF NOT rotated THEN
        RETURN;
    END IF;
    expires_at := present + device.token_ttl;
    INSERT INTO relay.spent_tokens (token_hash, device_id, spent_at, expires_at)
    VALUES (device.token_hash, device.device_id, present, device.expires_at) ON CONFLICT DO NOTHING;
    UPDATE relay.devices AS d
    SET token_hash = next, last_hash = shown, token_at = present, expires_at = device_refresh.expires_at,
        seen_at = present, seen_from = device_refresh.ip_address
    WHERE d.device_id = device.device_id;
    PERFORM relay.require_effect(FOUND, 'the next token of device ' || device.device_id);
    DELETE FROM relay.spent_tokens AS s WHERE s.token_hash = ANY (ARRAY(
        SELECT o.token_hash FROM relay.spent_tokens AS o WHERE o.expires_at < present
        ORDER BY o.expires_at LIMIT 2 FOR UPDATE SKIP LOCKED));
    -- As for keys: the first use from an address, and then the first one in each hour.
    IF reason = 'replaced' OR device.seen_from IS DISTINCT FROM device_refresh.ip_address
       OR (date_trunc('hour', device.seen_at) = date_trunc('hour', present)) IS NOT TRUE THEN
        PERFORM relay.note_pairing('device_refreshed', 'ok', reason, org_id, agent_id, device.device_id, device_refresh.ip_address, NULL);
    END IF;
END
$$;
COMMENT ON FUNCTION relay_api.device_refresh(text, bytea, bytea, inet) IS
    'checks a refresh token and puts the next one in its place (rotated; the gateway makes it, and hands it out only then); primary only; '
    'reasons: ok again replaced unknown_token reused revoked blocked expired over_limit bad_next';

-- Also refresh tokens of a device, present and former ones: a former one in a text shows that the device leaks its tokens.
CREATE OR REPLACE FUNCTION relay.identify(key_id text, key_hash bytea)
RETURNS TABLE (kind text, owner_org text, owner_agent text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'key', k.org_id, k.agent_id FROM relay.agent_keys AS k
    WHERE k.key_id = identify.key_id AND k.key_hash = identify.key_hash AND k.hash_algorithm = 'sha256d'
    UNION ALL
    SELECT 'token', t.org_id, NULL FROM relay.org_tokens AS t
    WHERE t.token_id = identify.key_id AND t.token_hash = identify.key_hash
    UNION ALL
    SELECT 'device', d.org_id, d.agent_id FROM relay.devices AS d
    WHERE d.device_id = identify.key_id
      AND (identify.key_hash IN (d.token_hash, d.last_hash)
           OR EXISTS (SELECT FROM relay.spent_tokens AS s WHERE s.token_hash = identify.key_hash AND s.device_id = d.device_id))
$$;

GRANT EXECUTE ON FUNCTION relay_api.pair_start(text, text, bytea, interval),
    relay_api.pair_redeem(text, bytea, text, text, bytea, interval, inet), relay_api.pair_status(text, text),
    relay_api.device_refresh(text, bytea, bytea, inet) TO relay_gateway;
