-- Calls that are signed. A gateway builds the signature base of RFC 9421 from the request, and recomputes the digest of the body; the
-- database decides about the rest. relay-admin-gateway(7) has the order of all checks. The nonce comes last, so that strangers fill no table.

CREATE TYPE relay_api.signed_decision AS (
    ok          boolean,
    reason      text,
    org_id      text,
    agent_id    text,
    permissions jsonb,
    expires_at  timestamptz,
    conditions  jsonb,
    report_now  boolean,
    verifier    bytea,
    public_key  bytea
);
COMMENT ON COLUMN relay_api.signed_decision.verifier IS
    'of a proof that was accepted: with it, a gateway checks the next proofs itself while it keeps the decision. Together with a proof it '
    'gives what a bearer key shows: keep it in memory only, and never log it';
COMMENT ON COLUMN relay_api.signed_decision.public_key IS
    'of signer: the Ed25519 key that the signature must fit, also of refusals: if it does not fit, answer bad_signature, and nothing else';
COMMENT ON COLUMN relay_api.signed_decision.report_now IS 'true: this use changes something that is not recorded yet: the primary must hear of it';

-- Proofs ---------------------------------------------------------------------------------------------------------------------------------

-- The first query is that of authenticate, for a proof. Only calls without a signature can be refused for want of one.
CREATE FUNCTION relay_api.authenticate_signed(
    key_id text, message_digest bytea, proof bytea, signed_at timestamptz, agent_id text DEFAULT NULL, org_id text DEFAULT NULL,
    ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS relay_api.signed_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    usual    record;
    is_usual boolean;
    answer   relay_api.auth_decision;
    owner    record;
    refusal  text;
BEGIN
    SELECT k.org_id, k.agent_id, k.expires_at, k.key_hash,
           (SELECT a.permissions FROM relay.agents AS a WHERE a.agent_id = k.agent_id AND a.plain) AS permissions,
           EXISTS (SELECT FROM relay.guarded_calls AS g WHERE g.scope = k.org_id) AS is_guarded
    INTO usual
    FROM relay.agent_keys AS k
    WHERE k.key_id = authenticate_signed.key_id AND k.hash_algorithm = 'sha256d'
      AND relay.proves(k.key_hash, authenticate_signed.message_digest, authenticate_signed.proof)
      AND NOT EXISTS (SELECT FROM relay.revocations AS r
                      WHERE r.subject_id = ANY (ARRAY[k.key_id, k.agent_id, k.org_id]) AND (r.lifted_at IS NULL OR r.kind = 'revoke')
                        AND CASE WHEN r.lifted_at IS NULL THEN r.until IS NULL OR r.until > statement_timestamp()
                                 ELSE r.cut_off > k.made_order END OFFSET 0)
      AND k.retired_at IS NULL AND k.revoked_at IS NULL AND (k.expires_at > statement_timestamp()) IS NOT FALSE
      AND (authenticate_signed.agent_id = k.agent_id) IS NOT FALSE AND (authenticate_signed.org_id = k.org_id) IS NOT FALSE
      AND NOT k.awaits_use
      AND EXISTS (SELECT FROM relay.key_sightings AS s
                  WHERE s.key_id = k.key_id AND s.ip_address = COALESCE(authenticate_signed.ip_address, '::')
                    AND s.bearer_at IS NOT NULL AND CASE WHEN s.reported_by IS NULL THEN s.last_used_at ELSE s.proven_at END
                        > statement_timestamp() - interval '1 minute');
    IF usual.permissions IS NOT NULL THEN  -- null: the call is not a usual one
        IF usual.is_guarded THEN
            is_usual := isfinite(authenticate_signed.signed_at)
                        AND relay.untimely(usual.org_id, usual.agent_id, authenticate_signed.signed_at) IS NULL
                        AND relay.address_is_allowed(usual.org_id, usual.agent_id, authenticate_signed.ip_address);
        ELSE
            is_usual := authenticate_signed.signed_at >= clock_timestamp() - relay.preset_window()
                        AND authenticate_signed.signed_at <= clock_timestamp() + relay.preset_window();
        END IF;
        IF is_usual THEN
            RETURN ROW(true, 'ok', usual.org_id, usual.agent_id, usual.permissions, usual.expires_at, NULL, false, usual.key_hash,
                       NULL)::relay_api.signed_decision;
        END IF;
    END IF;

    SELECT k.org_id, k.agent_id, k.key_hash INTO owner
    FROM relay.agent_keys AS k WHERE k.key_id = authenticate_signed.key_id AND k.hash_algorithm = 'sha256d';
    refusal := CASE
        WHEN (octet_length(authenticate_signed.message_digest) = 32 AND octet_length(authenticate_signed.proof) = 32
              AND isfinite(authenticate_signed.signed_at)) IS NOT TRUE THEN 'malformed'
        WHEN owner.key_hash IS NULL THEN 'unknown_key'
        ELSE COALESCE(relay.untimely(owner.org_id, owner.agent_id, authenticate_signed.signed_at),
                      CASE WHEN NOT relay.proves(owner.key_hash, authenticate_signed.message_digest, authenticate_signed.proof)
                           THEN 'bad_signature' END) END;
    answer := relay.answer_call(authenticate_signed.key_id, refusal, true, authenticate_signed.agent_id, authenticate_signed.org_id,
                                authenticate_signed.ip_address, authenticate_signed.trace_id, false);
    RETURN ROW(answer.ok, answer.reason, answer.org_id, answer.agent_id, answer.permissions, answer.expires_at, answer.conditions,
               answer.report_now, CASE WHEN answer.ok THEN owner.key_hash END, NULL)::relay_api.signed_decision;
END
$$;
COMMENT ON FUNCTION relay_api.authenticate_signed(text, bytea, bytea, timestamptz, text, text, inet, text) IS
    'checks a call that is signed with a proof (32 bytes) of an API key, over SHA-256 of its signature base, and records the outcome; '
    'afterwards, take the nonce with use_nonce if the policy needs one; '
    'reasons: ok unknown_key agent_mismatch org_mismatch revoked blocked retired expired over_limit address_not_allowed '
    'malformed too_old too_early bad_signature';

-- Public keys ----------------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION relay.can_be_confirmed(key text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM relay.key_status AS k
                   WHERE k.key_id = can_be_confirmed.key AND k.status = 'staged' AND NOT k.blocked AND k.replaced_by IS NULL
                     AND NOT EXISTS (SELECT FROM relay.agent_keys AS later
                                     WHERE later.agent_id = k.agent_id AND later.state = 'active' AND later.made_order > k.made_order))
$$;
COMMENT ON FUNCTION relay.can_be_confirmed(text) IS 'whether the next use of this staged key replaces the keys before it';

-- A key id is public, so anyone could make a key look used, and end the one before it. So this only reads.
CREATE FUNCTION relay_api.signer(
    key_id text, signed_at timestamptz, agent_id text DEFAULT NULL, org_id text DEFAULT NULL, ip_address inet DEFAULT NULL,
    trace_id text DEFAULT NULL)
RETURNS relay_api.signed_decision
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    decision relay_api.signed_decision;
BEGIN
    SELECT NULL, relay.verdict(k.reason, signer.agent_id = k.agent_id, signer.org_id = k.org_id), k.org_id, k.agent_id, k.permissions,
           k.expires_at, NULL, k.awaits_use OR (own.state = 'staged' AND relay.can_be_confirmed(own.key_id)), NULL, own.key_hash
    INTO decision
    FROM relay.agent_keys AS own JOIN relay.key_standing AS k ON k.key_id = own.key_id
    WHERE own.key_id = signer.key_id AND own.hash_algorithm = 'ed25519';
    decision.reason := CASE
        WHEN isfinite(signer.signed_at) IS NOT TRUE THEN 'malformed'
        WHEN decision.agent_id IS NULL THEN 'unknown_key'
        ELSE COALESCE(relay.untimely(decision.org_id, decision.agent_id, signer.signed_at), decision.reason) END;
    IF decision.reason = 'ok' THEN
        decision.reason := relay.admission(decision.org_id, decision.agent_id, signer.ip_address);
    END IF;
    IF decision.reason <> 'ok' THEN
        -- Where the reason says something about the key or its agent, the gateway verifies the signature first: so no stranger learns it, and
        -- a key that is used after its end was used by someone who has it.
        RETURN ROW(false, decision.reason, NULL, NULL, NULL, NULL, NULL, false, NULL,
                   CASE WHEN decision.reason NOT IN ('malformed', 'too_old', 'too_early') THEN decision.public_key END)::relay_api.signed_decision;
    END IF;
    decision.ok := true;
    SELECT granted.permissions, granted.conditions INTO decision.permissions, decision.conditions
    FROM relay.effective_grants(decision.agent_id, decision.permissions) AS granted;
    RETURN decision;
END
$$;
COMMENT ON FUNCTION relay_api.signer(text, timestamptz, text, text, inet, text) IS
    'the public key with which a signed call (Ed25519) must be verified, and the decision if it is; records nothing: afterwards call '
    'accept_signed or report_violation; works on a standby, too; '
    'reasons: ok unknown_key agent_mismatch org_mismatch revoked blocked retired expired over_limit address_not_allowed '
    'malformed too_old too_early';

-- Nothing but a request that was accepted shows that the agent has the private key. So the first one confirms a staged public key, by the
-- rules of lib/relay/identity/confirm_key.hpp, with no store to wait for. It waits for no rotation that holds the agent: the next request
-- confirms. It wakes no gateway, as the first use of any key: a wake-up that fails would refuse the request.
CREATE FUNCTION relay.confirm_public_key(seen_key text, seen_agent text, seen_org text, seen_trace text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '400ms' AS $$
DECLARE
    present   constant timestamptz := clock_timestamp();
    confirmed record;
    before    text;
BEGIN
    IF NOT relay.can_be_confirmed(seen_key) THEN
        RETURN;
    END IF;
    PERFORM FROM relay.agents AS a WHERE a.agent_id = seen_agent FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND OR NOT relay.can_write('agent_keys') OR NOT relay.can_write_event() THEN
        RETURN;
    END IF;
    SELECT k.created_at, k.made_order, k.confirm_grace INTO confirmed
    FROM relay.agent_keys AS k
    WHERE k.key_id = seen_key AND relay.can_be_confirmed(seen_key);  -- again, under the lock
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM set_config('relay.wake', 'later', true);
    before := (SELECT k.key_id FROM relay.agent_keys AS k WHERE k.agent_id = seen_agent AND k.state = 'active');
    WITH replaced AS (
        UPDATE relay.agent_keys AS k
        SET state = fate.state, replaced_by = CASE WHEN fate.state <> 'revoked' THEN seen_key END,
            retired_at = CASE WHEN fate.state = 'retired' THEN present END, revoked_at = CASE WHEN fate.state = 'revoked' THEN present END,
            expires_at = CASE WHEN fate.state = 'retiring' THEN LEAST(k.expires_at, present + confirmed.confirm_grace) ELSE k.expires_at END
        FROM relay.key_status AS was
        CROSS JOIN LATERAL (
            SELECT CASE WHEN was.status = 'revoked' THEN 'revoked'
                        WHEN was.status = 'expired' THEN 'retired'
                        WHEN was.settle_until > confirmed.created_at THEN 'staged'
                        WHEN confirmed.confirm_grace = interval '0' THEN 'retired'
                        ELSE 'retiring' END AS state OFFSET 0) AS fate
        WHERE k.agent_id = seen_agent AND k.state IN ('staged', 'active') AND k.made_order < confirmed.made_order AND was.key_id = k.key_id
        RETURNING k.key_id, fate.state
    )
    INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, trace_id)
    SELECT seen_org, seen_agent, r.key_id, 'key_' || r.state, 'its replacement ' || seen_key || ' was used', seen_trace
    FROM replaced AS r WHERE r.state <> 'revoked' AND (r.key_id <> before OR r.state <> 'retiring');
    INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, trace_id, detail)
    VALUES (seen_org, seen_agent, seen_key, CASE WHEN before IS NULL THEN 'key_issued' ELSE 'key_rotated' END, 'its first request was accepted',
            seen_trace, CASE WHEN before IS NOT NULL THEN jsonb_build_object(
                'grace_seconds', date_part('epoch', confirmed.confirm_grace)::bigint, 'previous_key_id', before) END);
    UPDATE relay.agent_keys AS k SET state = 'active' WHERE k.key_id = seen_key;
EXCEPTION
    WHEN lock_not_available THEN
        NULL;
END
$$;

-- The signature is the gateway's word: the database cannot verify Ed25519. All else is checked again, because it may have changed since.
CREATE FUNCTION relay_api.accept_signed(
    key_id text, nonce bytea, signed_at timestamptz, ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS relay_api.signed_decision
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    decision relay_api.signed_decision;
    policy   record;
    used     relay_api.nonce_decision;
    durable  text := COALESCE(NULLIF(current_setting('synchronous_commit'), 'off'), 'on');
BEGIN
    PERFORM relay.require_primary('accept_signed');
    PERFORM relay.commit_lazily();  -- a standby that does not answer must not hold up calls
    decision := relay_api.signer(accept_signed.key_id, accept_signed.signed_at, NULL, NULL, accept_signed.ip_address, NULL);
    IF decision.ok THEN
        SELECT max(f.value) FILTER (WHERE f.setting = 'require_nonce') AS nonce, max(f.value) FILTER (WHERE f.setting = 'window') AS seconds
        INTO policy FROM relay.policy_in_force(decision.org_id, decision.agent_id) AS f;
        IF policy.nonce = 'yes' THEN
            IF accept_signed.signed_at > clock_timestamp() THEN  -- after a failover, use_nonce must know of it
                PERFORM set_config('synchronous_commit', durable, true);
            END IF;
            used := relay_api.use_nonce(decision.agent_id, accept_signed.nonce, accept_signed.signed_at, policy.seconds::interval);
            decision.ok := used.ok;
            decision.reason := used.reason;
        END IF;
    END IF;
    IF NOT decision.ok THEN
        PERFORM relay.note_refusal(accept_signed.key_id, decision.reason, accept_signed.ip_address, accept_signed.trace_id);
        RETURN ROW(false, decision.reason, NULL, NULL, NULL, NULL, NULL, false, NULL, NULL)::relay_api.signed_decision;
    END IF;
    IF EXISTS (SELECT FROM relay.agent_keys AS k WHERE k.key_id = accept_signed.key_id AND k.state = 'staged') THEN
        PERFORM relay.confirm_public_key(accept_signed.key_id, decision.agent_id, decision.org_id, left(accept_signed.trace_id, 64));
    END IF;
    decision.report_now := relay.note_success(accept_signed.key_id, decision.agent_id, decision.org_id, decision.report_now, false,
                                              accept_signed.ip_address, left(accept_signed.trace_id, 64), true);
    RETURN decision;
END
$$;
COMMENT ON FUNCTION relay_api.accept_signed(text, bytea, timestamptz, inet, text) IS
    'for a gateway that has verified the signature of a call with the key that signer returned: takes the nonce if the policy needs one, '
    'records the use, and confirms a staged key; primary only; '
    'reasons: ok unknown_key agent_mismatch org_mismatch revoked blocked retired expired over_limit address_not_allowed '
    'malformed too_old too_early replayed';

CREATE FUNCTION relay.note_refusal(key_id text, reason text, ip_address inet, trace_id text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    refused relay.auth_events;
BEGIN
    refused.action := 'auth_failed';
    refused.outcome := 'failed';
    refused.reason := note_refusal.reason;
    SELECT k.org_id, k.agent_id INTO refused.org_id, refused.agent_id FROM relay.agent_keys AS k WHERE k.key_id = note_refusal.key_id;
    refused.key_id := left(note_refusal.key_id, 12);
    refused.ip_address := note_refusal.ip_address;
    refused.trace_id := left(note_refusal.trace_id, 64);
    PERFORM relay.record_often(refused);
END
$$;

CREATE FUNCTION relay_api.report_violation(key_id text, reason text, ip_address inet DEFAULT NULL, trace_id text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF report_violation.reason = ANY ('{malformed,bad_signature,too_old,too_early,replayed,digest_mismatch,signature_required,unknown_key,
                                        expired,retired,revoked,blocked,agent_mismatch,org_mismatch,over_limit,address_not_allowed}'::text[])
       IS NOT TRUE THEN
        RAISE EXCEPTION '% is not a reason for which a signed call is refused', COALESCE(left(report_violation.reason, 64), 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF current_setting('transaction_read_only') = 'off' THEN  -- on a standby it writes nothing
        PERFORM relay.note_refusal(report_violation.key_id, report_violation.reason, report_violation.ip_address, report_violation.trace_id);
    END IF;
END
$$;
COMMENT ON FUNCTION relay_api.report_violation(text, text, inet, text) IS
    'for a gateway that refuses a signed call: records the reason and the key id, which proves nothing; of a flood, some and their number; '
    'reasons: malformed bad_signature digest_mismatch replayed signature_required too_old too_early '
    'unknown_key agent_mismatch org_mismatch revoked blocked retired expired over_limit address_not_allowed';

GRANT EXECUTE ON FUNCTION relay_api.authenticate_signed(text, bytea, bytea, timestamptz, text, text, inet, text),
    relay_api.signer(text, timestamptz, text, text, inet, text), relay_api.accept_signed(text, bytea, timestamptz, inet, text),
    relay_api.report_violation(text, text, inet, text) TO relay_gateway;

-- For people: all that a gateway would find out about a captured request, without a trace. The program does the rest.
CREATE FUNCTION relay.verify_signed(
    key_id text, message_digest bytea, proof bytea, signed_at timestamptz,
    OUT algorithm text, OUT untimely text, OUT standing text, OUT agent_id text, OUT org_id text, OUT proven boolean, OUT public_key bytea,
    OUT needs_nonce boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    SELECT own.hash_algorithm, k.reason, k.agent_id, k.org_id,
           own.hash_algorithm = 'sha256d' AND relay.proves(own.key_hash, verify_signed.message_digest, verify_signed.proof),
           CASE WHEN own.hash_algorithm = 'ed25519' THEN own.key_hash END
    INTO algorithm, standing, agent_id, org_id, proven, public_key
    FROM relay.agent_keys AS own JOIN relay.key_standing AS k ON k.key_id = own.key_id WHERE own.key_id = verify_signed.key_id;
    IF agent_id IS NOT NULL THEN
        untimely := relay.untimely(org_id, agent_id, verify_signed.signed_at);
        standing := CASE WHEN standing = 'ok' AND NOT relay.has_seat(org_id, agent_id) THEN 'over_limit' ELSE standing END;
        needs_nonce := (SELECT f.value = 'yes' FROM relay.policy_in_force(org_id, agent_id) AS f WHERE f.setting = 'require_nonce');
    END IF;
END
$$;
COMMENT ON FUNCTION relay.verify_signed(text, bytea, bytea, timestamptz) IS
    'what decides about a signed call, except its address and its nonce; all null: there is no such key';
GRANT EXECUTE ON FUNCTION relay.verify_signed(text, bytea, bytea, timestamptz) TO relay_provisioner, relay_responder;

-- Reported uses --------------------------------------------------------------------------------------------------------------------------

-- As in 0017: what gateways report are uses as a bearer key. A signed call is recorded when it is checked here, once a minute at least.
CREATE OR REPLACE FUNCTION relay_api.report_uses(
    key_ids text[], ip_addresses inet[], used_at timestamptz[], uses integer[] DEFAULT NULL,
    OUT recorded integer, OUT unknown integer, OUT again integer[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '400ms' AS $$
#variable_conflict use_column
DECLARE
    present timestamptz := clock_timestamp();
    most    constant integer := 10000;
    total   integer := cardinality(report_uses.key_ids);
    entry   record;
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'this server is a standby: call report_uses on the primary' USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    PERFORM relay.require_between('the number of key_ids', total, 0, most);
    IF (cardinality(report_uses.ip_addresses) = total AND cardinality(report_uses.used_at) = total) IS NOT TRUE
       OR cardinality(report_uses.uses) <> total THEN
        RAISE EXCEPTION 'key_ids, ip_addresses, used_at and uses must have the same number of elements'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    recorded := 0;
    unknown := 0;
    again := '{}';
    IF NOT relay.can_write('key_sightings') THEN
        again := ARRAY(SELECT generate_series(1, total));
        RETURN;
    END IF;
    PERFORM relay.commit_lazily();
    -- One row after the other, and not one statement for all: its plan would depend on how large the table was when it was made.
    -- In order, so that two reports at the same time meet each row in the same order.
    FOR entry IN
        SELECT said.key_id, COALESCE(said.ip_address, '::') AS ip_address, array_agg(said.place::integer) AS places,
               max(GREATEST(LEAST(COALESCE(said.used_at, present), present), present - interval '1 hour')) AS last_at,
               min(GREATEST(LEAST(COALESCE(said.used_at, present), present), present - interval '1 hour')) AS first_at,
               sum(GREATEST(COALESCE(said.uses, 1), 1)) AS uses
        FROM unnest(report_uses.key_ids, report_uses.ip_addresses, report_uses.used_at, report_uses.uses)
             WITH ORDINALITY AS said (key_id, ip_address, used_at, uses, place)
        GROUP BY 1, 2 ORDER BY 1, 2
    LOOP
        UPDATE relay.key_sightings AS s
        SET last_used_at = GREATEST(s.last_used_at, entry.last_at), uses = s.uses + entry.uses,
            reported_by = CASE WHEN entry.last_at > s.last_used_at THEN SESSION_USER ELSE s.reported_by END,
            proven_at = CASE WHEN entry.last_at > s.last_used_at AND s.reported_by IS NULL THEN s.last_used_at ELSE s.proven_at END,
            -- null: its last use was as a bearer key, and a use before that one changes nothing
            bearer_at = CASE WHEN entry.last_at <= s.last_used_at AND s.bearer_at IS NOT NULL THEN GREATEST(s.bearer_at, entry.last_at) END
        WHERE s.key_id = entry.key_id
          AND s.ip_address = (SELECT o.ip_address FROM relay.key_sightings AS o
                              WHERE o.key_id = entry.key_id AND o.ip_address = entry.ip_address FOR NO KEY UPDATE SKIP LOCKED);
        IF FOUND THEN
            recorded := recorded + cardinality(entry.places);
        ELSIF NOT EXISTS (SELECT FROM relay.agent_keys AS k WHERE k.key_id = entry.key_id) THEN
            unknown := unknown + cardinality(entry.places);
        ELSE
            BEGIN
                INSERT INTO relay.key_sightings (key_id, ip_address, last_used_at, uses, first_used_at, reported_by)
                VALUES (entry.key_id, entry.ip_address, entry.last_at, entry.uses, entry.first_at, SESSION_USER)
                ON CONFLICT DO NOTHING;
                IF FOUND THEN
                    recorded := recorded + cardinality(entry.places);
                ELSE
                    again := again || entry.places;
                END IF;
            EXCEPTION
                WHEN lock_not_available THEN
                    again := again || entry.places;
                    -- The same transaction may hold the next ones: a call that waited for each would run into its time-out.
                    PERFORM set_config('lock_timeout', '1ms', true);
            END;
        END IF;
    END LOOP;
END
$$;
