-- Devices of people: how one is paired with an agent by a code, and how it stays logged in with a refresh token that changes at
-- each use.
--
-- A code has 12 characters of the key id's alphabet. The first 4 are public and find the row; the other 8 are the secret. So wrong
-- guesses are counted against one code, from however many addresses they come: after five it is dead. The gateway makes all
-- secrets, and sends SHA-256 of them; the tables hold SHA-256 of that.

-- Tables -------------------------------------------------------------------------------------------------------------------------------

CREATE TABLE relay.devices (
    device_id  text COLLATE "C" PRIMARY KEY,
    org_id     text COLLATE "C" NOT NULL,
    agent_id   text COLLATE "C" NOT NULL,
    name       text NOT NULL,
    paired_at  timestamptz NOT NULL DEFAULT pg_catalog.now(),
    made_order bigint NOT NULL DEFAULT pg_catalog.nextval('relay.act_order'),
    token_hash bytea NOT NULL,
    token_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    token_ttl  interval NOT NULL,
    expires_at timestamptz NOT NULL,
    last_hash  bytea,
    seen_at    timestamptz,
    seen_from  inet,
    CONSTRAINT devices_agent FOREIGN KEY (org_id, agent_id) REFERENCES relay.agents (org_id, agent_id),
    CONSTRAINT devices_device_id_form CHECK (device_id !~ '[^0-9a-hjkmnp-tv-z]' AND pg_catalog.length(device_id) = 12),
    CONSTRAINT devices_name_form CHECK (
        pg_catalog.octet_length(name) >= 1 AND pg_catalog.octet_length(name) <= 200 AND relay.is_visible(name)),
    CONSTRAINT devices_hash_form CHECK (pg_catalog.octet_length(token_hash) = 32 AND pg_catalog.octet_length(last_hash) = 32)
) WITH (fillfactor = 70);
CREATE INDEX devices_by_agent ON relay.devices (agent_id);
CREATE INDEX devices_by_org ON relay.devices (org_id);
COMMENT ON TABLE relay.devices IS 'the devices of people that were paired with an agent; relay.revocations says which are refused';
COMMENT ON COLUMN relay.devices.made_order IS 'a revocation of its agent or organization with a higher cut_off ends it permanently';
COMMENT ON COLUMN relay.devices.token_ttl IS 'how long each of its refresh tokens lives: expires_at is that of the present one';
COMMENT ON COLUMN relay.devices.last_hash IS 'the token before: it may be shown again as long as the present one was never used';

-- Each token that was replaced. One that is shown again, and is not the last one, was stolen from one of two holders.
CREATE TABLE relay.spent_tokens (
    token_hash bytea PRIMARY KEY,
    device_id  text COLLATE "C" NOT NULL,
    spent_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX spent_tokens_by_end ON relay.spent_tokens (expires_at);
COMMENT ON TABLE relay.spent_tokens IS 'refresh tokens that were replaced, until they would have expired; no role may read it';

CREATE TABLE relay.pairings (
    pairing_id    text COLLATE "C" PRIMARY KEY,
    secret_hash   bytea NOT NULL,
    org_id        text COLLATE "C" NOT NULL,
    agent_id      text COLLATE "C" NOT NULL,
    made_order    bigint NOT NULL DEFAULT pg_catalog.nextval('relay.act_order'),
    expires_at    timestamptz NOT NULL,
    attempts_left integer NOT NULL DEFAULT 5,
    device_id     text COLLATE "C",  -- null: not redeemed
    CONSTRAINT pairings_agent FOREIGN KEY (org_id, agent_id) REFERENCES relay.agents (org_id, agent_id),
    CONSTRAINT pairings_pairing_id_form CHECK (pairing_id !~ '[^0-9a-hjkmnp-tv-z]' AND pg_catalog.length(pairing_id) = 4),
    CONSTRAINT pairings_hash_form CHECK (pg_catalog.octet_length(secret_hash) = 32),
    CONSTRAINT pairings_attempts_sane CHECK (attempts_left >= 0 AND attempts_left <= 5)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX pairings_one_open ON relay.pairings (agent_id) WHERE device_id IS NULL;
CREATE INDEX pairings_by_end ON relay.pairings (expires_at);
COMMENT ON TABLE relay.pairings IS 'the codes that agents show to their owners';

-- A guess at a code that does not exist, or is dead, is counted here. So it costs the same steps and the same wait as a guess at one
-- that exists, and the time of the answer does not show which ids are in use.
CREATE TABLE relay.pairing_misses (
    slot   integer PRIMARY KEY,
    misses bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO relay.pairing_misses (slot) SELECT pg_catalog.generate_series(0, 255);

SELECT relay.isolate_tenants('relay.devices');
SELECT relay.isolate_tenants('relay.pairings');
-- No role may read a hash, and none may write: the functions below do.
GRANT SELECT (device_id, org_id, agent_id, name, paired_at, made_order, token_at, token_ttl, expires_at, seen_at, seen_from)
    ON relay.devices TO relay_provisioner, relay_responder, relay_auditor;
GRANT SELECT (pairing_id, org_id, agent_id, made_order, expires_at, attempts_left, device_id)
    ON relay.pairings TO relay_provisioner, relay_responder, relay_auditor;
GRANT SELECT (device_id, org_id, agent_id, name, paired_at, token_at, expires_at, seen_at, seen_from) ON relay.devices TO relay_tenant;
GRANT SELECT (pairing_id, org_id, agent_id, expires_at, device_id) ON relay.pairings TO relay_tenant;

-- Blocks and revocations of a device -----------------------------------------------------------------------------------------------------

ALTER TABLE relay.revocations
    DROP CONSTRAINT revocations_subject_known,
    ADD CONSTRAINT revocations_subject_known CHECK (subject_kind IN ('agent', 'org', 'key', 'device')) NOT VALID,
    ADD CONSTRAINT revocations_device_stays_dead CHECK (subject_kind <> 'device' OR kind = 'block' OR lifted_at IS NULL) NOT VALID;
ALTER TABLE relay.revocations VALIDATE CONSTRAINT revocations_subject_known;
ALTER TABLE relay.revocations VALIDATE CONSTRAINT revocations_device_stays_dead;

ALTER POLICY tenant ON relay.revocations USING (
    CASE subject_kind
        WHEN 'org' THEN subject_id = (SELECT relay.current_org())
        WHEN 'agent' THEN subject_id IN (SELECT a.agent_id FROM relay.agents AS a WHERE a.org_id = (SELECT relay.current_org()))
        WHEN 'key' THEN subject_id IN (SELECT k.key_id FROM relay.agent_keys AS k WHERE k.org_id = (SELECT relay.current_org()))
        WHEN 'device' THEN subject_id IN (SELECT d.device_id FROM relay.devices AS d WHERE d.org_id = (SELECT relay.current_org()))
    END);

CREATE VIEW relay.device_status AS
SELECT device.device_id, device.org_id, device.agent_id, device.name, device.paired_at, device.token_at, device.expires_at,
       device.seen_at, device.seen_from,
       CASE
           WHEN fate.revoked THEN 'revoked'
           WHEN fate.blocked THEN 'blocked'
           WHEN device.expires_at <= pg_catalog.statement_timestamp() THEN 'expired'
           ELSE 'active'
       END AS status
FROM relay.devices AS device
CROSS JOIN LATERAL (
    SELECT pg_catalog.bool_or(row.kind = 'revoke' AND (row.lifted_at IS NULL OR row.cut_off > device.made_order)) AS revoked,
           pg_catalog.bool_or(row.kind = 'block' AND row.lifted_at IS NULL
                              AND (row.until IS NULL OR row.until > pg_catalog.statement_timestamp())) AS blocked
    FROM relay.revocations AS row
    WHERE row.subject_id = ANY (ARRAY[device.device_id, device.agent_id, device.org_id]) AND (row.lifted_at IS NULL OR row.kind = 'revoke')
      AND row.subject_id = CASE row.subject_kind
              WHEN 'device' THEN device.device_id WHEN 'agent' THEN device.agent_id WHEN 'org' THEN device.org_id END) AS fate;
COMMENT ON COLUMN relay.device_status.status IS
    'active, blocked, revoked (the device itself, its agent or its organization) or expired: what device_refresh goes by';
GRANT SELECT ON relay.device_status TO relay_provisioner, relay_responder, relay_auditor;

-- As contrary_answers, for devices: it decides from the rows themselves, on purpose without the view.
CREATE FUNCTION relay.contrary_devices(ids text[]) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM relay.require_between('the number of ids', cardinality(contrary_devices.ids), 0, 100000);
    RETURN QUERY
    SELECT d.device_id
    FROM unnest(contrary_devices.ids) AS asked (id) JOIN relay.devices AS d ON d.device_id = asked.id
    WHERE d.expires_at > statement_timestamp()
      AND ((SELECT s.status FROM relay.device_status AS s WHERE s.device_id = d.device_id) = 'active')
          = EXISTS (SELECT FROM relay.revocations AS row
                    WHERE row.subject_id IN (d.device_id, d.agent_id, d.org_id)
                      AND row.subject_id = CASE row.subject_kind
                              WHEN 'device' THEN d.device_id WHEN 'agent' THEN d.agent_id WHEN 'org' THEN d.org_id END
                      AND CASE row.kind
                              WHEN 'revoke' THEN row.lifted_at IS NULL OR row.cut_off > d.made_order
                              ELSE row.lifted_at IS NULL AND (row.until IS NULL OR row.until > statement_timestamp()) END);
END
$$;
COMMENT ON FUNCTION relay.contrary_devices(text[]) IS
    'of these devices: those about which gateways would be answered otherwise than relay.revocations says';
GRANT EXECUTE ON FUNCTION relay.contrary_devices(text[]) TO relay_provisioner, relay_responder;

CREATE OR REPLACE FUNCTION relay.first_contrary(kind text, ids text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most_at_once CONSTANT integer := 100000;  -- as contrary_answers and contrary_devices accept
    part  text[];
    found text;
BEGIN
    FOR position IN 1 .. cardinality(first_contrary.ids) BY most_at_once LOOP
        part := first_contrary.ids[position : position + most_at_once - 1];
        IF first_contrary.kind = 'device' THEN
            SELECT wrong.id INTO found FROM relay.contrary_devices(part) AS wrong (id) LIMIT 1;
        ELSE
            SELECT wrong.id INTO found FROM relay.contrary_answers(first_contrary.kind, part) AS wrong (id) LIMIT 1;
        END IF;
        IF found IS NULL AND first_contrary.kind IN ('agent', 'org') THEN  -- a sample of their devices, which are refused with them
            SELECT CASE first_contrary.kind WHEN 'agent' THEN d.agent_id ELSE d.org_id END INTO found
            FROM relay.contrary_devices(ARRAY(
                SELECT of_them.device_id FROM relay.devices AS of_them
                WHERE of_them.agent_id = ANY (CASE first_contrary.kind WHEN 'agent' THEN part END)
                   OR of_them.org_id = ANY (CASE first_contrary.kind WHEN 'org' THEN part END) LIMIT 100)) AS wrong (id)
            JOIN relay.devices AS d ON d.device_id = wrong.id LIMIT 1;
        END IF;
        EXIT WHEN found IS NOT NULL;
    END LOOP;
    RETURN found;
END
$$;
COMMENT ON FUNCTION relay.first_contrary(text, text[]) IS
    'one of these agents, organizations, keys or devices about which gateways would be answered otherwise than relay.revocations '
    'says; or null';

-- Whether the table of such subjects can be read without waiting. Someone may have locked it (ALTER TABLE, VACUUM FULL). A block must not wait
-- for that, because gateways that cache accept the agent meanwhile.
CREATE FUNCTION relay.can_look_up(kind text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CASE kind
        WHEN 'agent' THEN LOCK TABLE ONLY relay.agents IN ACCESS SHARE MODE NOWAIT;
        WHEN 'org' THEN LOCK TABLE ONLY relay.organizations IN ACCESS SHARE MODE NOWAIT;
        WHEN 'key' THEN LOCK TABLE ONLY relay.agent_keys IN ACCESS SHARE MODE NOWAIT;
        WHEN 'device' THEN LOCK TABLE ONLY relay.devices IN ACCESS SHARE MODE NOWAIT;
        ELSE RAISE EXCEPTION 'kind must be agent, org, key or device' USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    RETURN true;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN false;
END
$$;
COMMENT ON FUNCTION relay.can_look_up(text) IS 'whether no one has locked the table of agents, orgs, keys or devices against readers';

CREATE FUNCTION relay.find_subjects(kind text, ids text[])
RETURNS TABLE (id text, "position" bigint, org_id text, agent_id text, known boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF NOT relay.can_look_up(find_subjects.kind) THEN
        RETURN QUERY SELECT a.id, a.position, NULL::text, NULL::text, NULL::boolean
                     FROM unnest(find_subjects.ids) WITH ORDINALITY AS a (id, position);
        RETURN;
    END IF;
    CASE find_subjects.kind
        WHEN 'agent' THEN
            RETURN QUERY SELECT a.id, a.position, row.org_id, row.agent_id, row.agent_id IS NOT NULL
                         FROM unnest(find_subjects.ids) WITH ORDINALITY AS a (id, position)
                         LEFT JOIN relay.agents AS row ON row.agent_id = a.id;
        WHEN 'org' THEN
            RETURN QUERY SELECT a.id, a.position, row.org_id, NULL::text, row.org_id IS NOT NULL
                         FROM unnest(find_subjects.ids) WITH ORDINALITY AS a (id, position)
                         LEFT JOIN relay.organizations AS row ON row.org_id = a.id;
        WHEN 'key' THEN
            RETURN QUERY SELECT a.id, a.position, row.org_id, row.agent_id, row.key_id IS NOT NULL
                         FROM unnest(find_subjects.ids) WITH ORDINALITY AS a (id, position)
                         LEFT JOIN relay.agent_keys AS row ON row.key_id = a.id;
        ELSE
            RETURN QUERY SELECT a.id, a.position, row.org_id, row.agent_id, row.device_id IS NOT NULL
                         FROM unnest(find_subjects.ids) WITH ORDINALITY AS a (id, position)
                         LEFT JOIN relay.devices AS row ON row.device_id = a.id;
    END CASE;
END
$$;
COMMENT ON FUNCTION relay.find_subjects(text, text[]) IS
    'which of these agents, orgs, keys or devices exist, and whose they are; known null: their table is locked, and it does not wait';
GRANT EXECUTE ON FUNCTION relay.can_look_up(text), relay.find_subjects(text, text[]) TO relay_provisioner, relay_responder;

CREATE OR REPLACE FUNCTION relay.require_shut_out(subject_kind text, ids text[], kind text, until timestamptz, force boolean, answers boolean)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked   text[] := require_shut_out.ids;
    missing text;
BEGIN
    IF require_shut_out.until <= statement_timestamp() THEN
        RAISE EXCEPTION 'the block would end at %, which is over', require_shut_out.until USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF require_shut_out.force IS NOT TRUE THEN
        asked := ARRAY(SELECT found.id FROM relay.find_subjects(require_shut_out.subject_kind, asked) AS found
                       WHERE found.known IS NOT FALSE ORDER BY found.position);
    END IF;
    -- The table, and the view that everything else reads.
    SELECT a.id INTO missing
    FROM unnest(asked) AS a (id)
    WHERE NOT EXISTS (SELECT FROM relay.revocations AS row
                      WHERE row.subject_id = a.id AND row.subject_kind = require_shut_out.subject_kind AND row.kind = require_shut_out.kind
                        AND row.lifted_at IS NULL AND (row.until IS NULL OR row.until >= require_shut_out.until))
       OR NOT EXISTS (SELECT FROM relay.standing_revocations AS row
                      WHERE row.subject_id = a.id AND row.subject_kind = require_shut_out.subject_kind AND row.kind = require_shut_out.kind)
    LIMIT 1;
    IF missing IS NULL AND require_shut_out.answers THEN
        missing := relay.first_contrary(require_shut_out.subject_kind, asked);
    END IF;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'the % of % %', CASE require_shut_out.kind WHEN 'block' THEN 'block' ELSE 'revocation' END,
            require_shut_out.subject_kind, missing USING ERRCODE = 'RA001';
    END IF;
END
$$;

-- The feed: the id of the device is in key_id, next to those of its agent and organization. If these cannot be read without waiting, the
-- row names the subject alone, as that of an agent that does not exist.
CREATE OR REPLACE FUNCTION relay.announce_revocation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- If the row was lifted or deleted, its subject is accepted again. After every other change it is refused.
    opens   boolean := CASE TG_OP WHEN 'DELETE' THEN true ELSE NEW.lifted_at IS NOT NULL END;
    subject relay.revocations := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    what    text := subject.subject_kind || CASE WHEN subject.kind = 'block' THEN '_blocked' ELSE '_revoked' END;
    found   record;
BEGIN
    IF opens THEN
        what := subject.subject_kind || CASE WHEN subject.kind = 'block' THEN '_unblocked' ELSE '_restored' END;
    END IF;
    IF subject.subject_kind = 'org' THEN
        PERFORM relay.announce(subject.subject_id, NULL, NULL, what, NOT opens);
    ELSE
        SELECT * INTO found FROM relay.find_subjects(subject.subject_kind, ARRAY[subject.subject_id]);
        PERFORM relay.announce(found.org_id, CASE subject.subject_kind WHEN 'agent' THEN subject.subject_id ELSE found.agent_id END,
                               CASE subject.subject_kind WHEN 'agent' THEN NULL ELSE subject.subject_id END, what, NOT opens);
    END IF;
    RETURN NULL;
END
$$;

-- Changes by SQL -------------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION relay.audit_lift() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    what   text := NEW.subject_kind || CASE WHEN NEW.kind = 'block' THEN '_unblocked' ELSE '_restored' END;
    agent  text;
    org    text;
    device text;
BEGIN
    CASE NEW.subject_kind
        WHEN 'org' THEN
            org := NEW.subject_id;
        WHEN 'device' THEN
            device := NEW.subject_id;
            SELECT d.agent_id, d.org_id INTO agent, org FROM relay.devices AS d WHERE d.device_id = device;
        ELSE
            agent := CASE WHEN NEW.subject_kind = 'agent' THEN NEW.subject_id END;
            org := (SELECT a.org_id FROM relay.agents AS a WHERE a.agent_id = NEW.subject_id);
    END CASE;
    IF NOT relay.has_own_event(agent, org, ARRAY[what], device) THEN
        INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason, actor, detail)
        VALUES (org, agent, device, what, 'by SQL', NEW.lifted_by, jsonb_build_object('revocation_id', NEW.revocation_id));
    END IF;
    RETURN NULL;
END
$$;

-- A device is made by pair_redeem, which writes its event first, and then only its tokens change. Everything else is done by SQL.
CREATE FUNCTION relay.note_device_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    device relay.devices := CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END;
    what   text := CASE TG_OP WHEN 'INSERT' THEN 'device_paired' WHEN 'DELETE' THEN 'device_deleted' ELSE 'device_changed' END;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM relay.announce(device.org_id, device.agent_id, device.device_id, what, true);
    ELSIF relay.has_own_event(device.agent_id, device.org_id, ARRAY[what], device.device_id) OR NOT relay.can_write_event() THEN
        RETURN NULL;
    END IF;
    INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, reason)
    VALUES (device.org_id, device.agent_id, device.device_id, what, 'by SQL');
    RETURN NULL;
END
$$;
CREATE TRIGGER note_change AFTER INSERT OR DELETE ON relay.devices
    FOR EACH ROW EXECUTE FUNCTION relay.note_device_change();
CREATE TRIGGER note_update AFTER UPDATE ON relay.devices FOR EACH ROW
    WHEN (OLD.device_id <> NEW.device_id OR OLD.org_id <> NEW.org_id OR OLD.agent_id <> NEW.agent_id OR OLD.name <> NEW.name
          OR OLD.made_order <> NEW.made_order OR OLD.token_ttl <> NEW.token_ttl
          OR (NEW.expires_at < OLD.expires_at AND NEW.token_hash = OLD.token_hash))  -- a rotation after the clock went back is none
    EXECUTE FUNCTION relay.note_device_change();
CREATE TRIGGER announce_truncate AFTER TRUNCATE ON relay.devices
    FOR EACH STATEMENT EXECUTE FUNCTION relay.announce_reset();
