-- Agent cards: what each agent can do and where it answers, in the shapes of the A2A protocol; the rules that judge them, and how they are found.
--
-- A card is kept as it was sent, because the protocol grows. schema/json/agent-card.json and lib/relay/registry/card_judge.cpp have the same
-- rules as card_problems; one set of vectors and 100,000 mutated cards are judged by all three.

-- What is judged -------------------------------------------------------------------------------------------------------------------------

-- What not every reader of JSON holds alike. Other readers stop at some depth, and hold numbers as doubles, of which there is none from
-- 2^1024 - 2^970 on.
CREATE FUNCTION relay.is_too_deep(value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT pg_catalog.jsonb_path_exists(value, 'strict $.**{64} ? (@.type() == "object" || @.type() == "array")')
$$;

CREATE FUNCTION relay.has_huge_number(value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT pg_catalog.jsonb_path_exists(value, 'strict $.** ? (@.type() == "number" && (@ >= $end || @ <= -$end))', '{"end":'
        '179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910'
        '946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834'
        '936475292719074168444365510704342711559699508093042880177904174497792}')
$$;

-- Of two members with one name, one reader takes the first and another the last. jsonb has dropped one of them, and with it a colon: each
-- member has one, and those in texts stay. A colon may also be written as its number, after a backslash that no other one escapes.
CREATE FUNCTION relay.colons(written text) RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    plain text := written;
BEGIN
    IF pg_catalog.strpos(written, E'\\') > 0 THEN
        plain := pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(written, E'\\\\', ''), E'\\u003a', ':'), E'\\u003A', ':');
    END IF;
    RETURN pg_catalog.octet_length(plain) - pg_catalog.octet_length(pg_catalog.replace(plain, ':', ''));
END
$$;
COMMENT ON FUNCTION relay.colons(text) IS 'how many colons JSON has, between names and values and in texts; more than its jsonb: a name is given twice';

-- These qualify every name and set no search_path, and are inlined: card_problems calls them for each text of a card. (A number is cast to
-- text, because a text || a number is not immutable, and then no expression that has it is inlined into an immutable function.)
CREATE FUNCTION relay.text_problems(path text, value jsonb, longest integer DEFAULT NULL) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN pg_catalog.jsonb_typeof(value) = 'string' AND pg_catalog.length(value #>> '{}') >= 1
             AND (pg_catalog.length(value #>> '{}') <= longest) IS NOT FALSE THEN '{}'::text[]
        WHEN longest IS NULL THEN ARRAY[path || ': must be a text, not empty']
        ELSE ARRAY[path || ': must be a text of 1 to ' || longest::text || ' characters']
    END
$$;

-- Of visible ASCII, as RFC 3986 says. Without TLS only to the same host, and to no other by a name before @.
CREATE FUNCTION relay.url_problems(path text, value jsonb, otherwise text DEFAULT '') RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN (pg_catalog.jsonb_typeof(value) = 'string' AND value #>> '{}' !~ '[^!-~]'
              AND value #>> '{}' ~ '^(https://[0-9A-Za-z\[]|http://(localhost|127[.]0[.]0[.]1|\[::1\])(:[0-9]+)?([/?#]|$))') IS TRUE
            THEN '{}'::text[]
        WHEN (pg_catalog.jsonb_typeof(value) = 'string' AND value #>> '{}' ~ '^https://') IS TRUE
            THEN ARRAY[path || ': must be https://, a host, and no blanks or characters beyond ASCII']
        ELSE ARRAY[path || ': must begin with https://' || otherwise]
    END
$$;

CREATE FUNCTION relay.list_problems(path text, value jsonb, of_what text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN pg_catalog.jsonb_typeof(value) = 'array' THEN
            CASE WHEN pg_catalog.jsonb_array_length(value) <= 100 THEN '{}'::text[] ELSE ARRAY[path || ': has more than 100 entries'] END
        ELSE ARRAY[path || ': must be a list of ' || of_what]
    END
$$;

-- The first 100 entries of a list, each with its path; of anything else, none.
CREATE FUNCTION relay.entries(path text, list jsonb) RETURNS TABLE (path text, value jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT $1 || '/' || (entry.number - 1), entry.value
    FROM pg_catalog.jsonb_array_elements(CASE pg_catalog.jsonb_typeof($2) WHEN 'array' THEN $2 ELSE '[]' END) WITH ORDINALITY AS entry (value, number)
    WHERE entry.number <= 100
$$;

-- The place of the last entry that is judged; -1: it is not a list, or has none. A loop over places takes a fifth of the time of a query.
CREATE FUNCTION relay.last_judged(list jsonb) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE pg_catalog.jsonb_typeof(list) WHEN 'array' THEN LEAST(pg_catalog.jsonb_array_length(list), 100) - 1 ELSE -1 END
$$;

-- A list of short texts: tags, media types.
CREATE FUNCTION relay.words_problems(path text, value jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    problems text[] := relay.list_problems(path, value, 'texts');
BEGIN
    FOR place IN 0 .. relay.last_judged(value) LOOP
        problems := problems || relay.text_problems(path || '/' || place, value -> place, 255);
    END LOOP;
    RETURN problems;
END
$$;

CREATE FUNCTION relay.interface_problems(path text, value jsonb, names text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    problems text[] := '{}';
    entry    jsonb;
    at       text;
BEGIN
    IF (jsonb_typeof(value) = 'array') IS NOT TRUE THEN
        RETURN ARRAY[path || ': must be a list of interfaces'];
    END IF;
    IF jsonb_array_length(value) > 16 THEN
        problems := ARRAY[path || ': has more than 16 interfaces'];
    END IF;
    FOR place IN 0 .. LEAST(relay.last_judged(value), 15) LOOP
        entry := value -> place;
        at := path || '/' || place;
        IF jsonb_typeof(entry) <> 'object' THEN
            problems := problems || (at || ': must be an object');
            CONTINUE;
        END IF;
        problems := problems || relay.url_problems(at || '/url', entry -> 'url');
        FOR position IN 1 .. cardinality(names) LOOP
            problems := problems || relay.text_problems(at || '/' || names[position], entry -> names[position], 255);
        END LOOP;
    END LOOP;
    RETURN problems;
END
$$;

-- Each tag may become a term of the index, so their number is bounded.
CREATE FUNCTION relay.skill_problems(path text, value jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    problems text[] := relay.list_problems(path, value, 'skills');
    seen     jsonb := '{}';
    tags     integer := 0;
    skill    jsonb;
    at       text;
BEGIN
    FOR place IN 0 .. relay.last_judged(value) LOOP
        skill := value -> place;
        at := path || '/' || place;
        IF jsonb_typeof(skill) <> 'object' THEN
            problems := problems || (at || ': must be an object');
            CONTINUE;
        END IF;
        problems := problems || relay.text_problems(at || '/id', skill -> 'id', 255);
        IF jsonb_typeof(skill -> 'id') = 'string' THEN
            IF seen ? (skill ->> 'id') THEN
                problems := problems || (at || '/id: is the id of an earlier skill, too');
            END IF;
            seen := seen || jsonb_build_object(skill ->> 'id', true);
        END IF;
        problems := problems || relay.text_problems(at || '/name', skill -> 'name', 255)
                             || relay.text_problems(at || '/description', skill -> 'description')
                             || relay.words_problems(at || '/tags', skill -> 'tags');
        tags := tags + 1 + relay.last_judged(skill -> 'tags');
    END LOOP;
    IF tags > 500 THEN
        problems := problems || (path || ': have more than 500 tags together');
    END IF;
    RETURN problems;
END
$$;

-- Each name in it may become a term of the index, so their number and length are bounded.
CREATE FUNCTION relay.capability_problems(path text, value jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    problems   text[] := '{}';
    extensions jsonb := NULLIF(value -> 'extensions', 'null');
BEGIN
    IF (jsonb_typeof(value) = 'object') IS NOT TRUE THEN
        RETURN ARRAY[path || ': must be an object'];
    END IF;
    IF (SELECT count(*) > 100 OR bool_or(length(k.name) > 255) FROM jsonb_object_keys(value) AS k (name)) THEN
        problems := ARRAY[path || ': has more than 100 names, or one of more than 255 characters'];
    END IF;
    IF extensions IS NOT NULL THEN
        problems := problems || relay.list_problems(path || '/extensions', extensions, 'extensions');
        FOR place IN 0 .. relay.last_judged(extensions) LOOP
            problems := problems || CASE jsonb_typeof(extensions -> place)
                WHEN 'object' THEN relay.text_problems(path || '/extensions/' || place || '/uri', extensions -> place -> 'uri', 255)
                ELSE ARRAY[path || '/extensions/' || place || ': must be an object'] END;
        END LOOP;
    END IF;
    RETURN problems;
END
$$;

-- A carriage return counts as the r of a key, as in `revoke --scan`: in JSON, it is \r. Nearly all texts lack the word, and are not looked at
-- more closely.
CREATE FUNCTION relay.key_in_text(written text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN pg_catalog.strpos(written, 'relay_') > 0
                THEN pg_catalog.substring(written, 'relay_(?:sk|at|dt)_([0-9a-hjkmnp-tv-z]{12})') END
$$;

CREATE FUNCTION relay.key_in(card jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT relay.key_in_text(card::text)
$$;
COMMENT ON FUNCTION relay.key_in(jsonb) IS 'the id of a key, admin token or refresh token in any text of the card; null: it has none';

-- What may be missing may also be null, because several programs write the one for the other. The text of the card is made once; one with
-- few brackets is not too deep.
CREATE FUNCTION relay.card_problems(card jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    problems   text[] := '{}';
    interfaces jsonb := NULLIF(card -> 'supportedInterfaces', 'null');
    written    text := card::text;
BEGIN
    IF octet_length(written) > 65536 THEN
        RETURN ARRAY['/: is larger than 64 KiB'];
    END IF;
    IF octet_length(written) - octet_length(replace(replace(written, '[', ''), '{', '')) >= 64 AND relay.is_too_deep(card) THEN
        RETURN ARRAY['/: is nested deeper than 64 levels'];
    END IF;
    IF relay.has_huge_number(card) THEN
        RETURN ARRAY['/: has a number that does not fit a double'];
    END IF;
    IF relay.key_in_text(written) IS NOT NULL THEN
        problems := ARRAY['/: has a key of this relay in it'];
    END IF;
    IF (jsonb_typeof(card) = 'object') IS NOT TRUE THEN
        problems := problems || ARRAY['/: must be an object'];
    END IF;
    problems := problems || relay.text_problems('/name', card -> 'name', 255) || relay.text_problems('/description', card -> 'description')
                         || relay.text_problems('/version', card -> 'version', 255);
    IF interfaces IS NULL THEN
        problems := problems || relay.url_problems('/url', card -> 'url', ' (or give supportedInterfaces)');
    ELSE
        problems := problems || relay.interface_problems('/supportedInterfaces', interfaces, '{protocolBinding,protocolVersion}');
        IF interfaces = '[]' THEN
            problems := problems || ARRAY['/supportedInterfaces: must have at least one interface'];
        END IF;
        IF NULLIF(card -> 'url', 'null') IS NOT NULL THEN
            problems := problems || relay.url_problems('/url', card -> 'url');
        END IF;
    END IF;
    IF NULLIF(card -> 'additionalInterfaces', 'null') IS NOT NULL THEN
        problems := problems || relay.interface_problems('/additionalInterfaces', card -> 'additionalInterfaces', '{transport}');
    END IF;
    IF NULLIF(card -> 'protocolVersion', 'null') IS NOT NULL THEN
        problems := problems || relay.text_problems('/protocolVersion', card -> 'protocolVersion', 255);
    END IF;
    IF NULLIF(card -> 'preferredTransport', 'null') IS NOT NULL THEN
        problems := problems || relay.text_problems('/preferredTransport', card -> 'preferredTransport', 255);
    END IF;
    RETURN problems || relay.capability_problems('/capabilities', card -> 'capabilities')
                    || relay.words_problems('/defaultInputModes', card -> 'defaultInputModes')
                    || relay.words_problems('/defaultOutputModes', card -> 'defaultOutputModes')
                    || relay.skill_problems('/skills', card -> 'skills');
END
$$;
COMMENT ON FUNCTION relay.card_problems(jsonb) IS
    'all that is wrong with an agent card, each as PATH: WHAT; empty: it is a card of A2A 0.2, 0.3 or 1.0. It never quotes the card';

-- Before PostgreSQL 17, no parallel worker can catch an error.
CREATE FUNCTION relay.card_text_problems(card json) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    value jsonb := card;
BEGIN
    IF relay.colons(card::text) > relay.colons(value::text) THEN
        RETURN ARRAY['/: has a name twice'];
    END IF;
    RETURN relay.card_problems(value);
END
$$;
COMMENT ON FUNCTION relay.card_text_problems(json) IS 'as card_problems, and: no name twice in an object, which jsonb cannot show';

-- An organization's id has no slash. So what follows the first one cannot make a term of another organization, whatever a skill is called.
CREATE FUNCTION relay.card_term(org text, kind text, value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT org || '/' || kind || '/' || CASE kind WHEN 'tag' THEN pg_catalog.lower(value COLLATE "C") ELSE value END
$$;

-- For a card without problems. Only ASCII letters of tags lose their case, so that no update of a library changes the index.
CREATE FUNCTION relay.card_terms(org text, card jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    terms      text[] := '{}';
    skills     jsonb := card -> 'skills';
    tags       jsonb;
    extensions jsonb := card #> '{capabilities,extensions}';
BEGIN
    FOR place IN 0 .. relay.last_judged(skills) LOOP
        terms := terms || relay.card_term(org, 'skill', skills -> place ->> 'id');
        tags := skills -> place -> 'tags';
        FOR position IN 0 .. relay.last_judged(tags) LOOP
            terms := terms || relay.card_term(org, 'tag', tags ->> position);
        END LOOP;
    END LOOP;
    FOR place IN 0 .. relay.last_judged(extensions) LOOP
        terms := terms || relay.card_term(org, 'can', extensions -> place ->> 'uri');
    END LOOP;
    RETURN ARRAY(
        SELECT DISTINCT said.term COLLATE "C"
        FROM (SELECT unnest(terms) AS term
              UNION ALL
              SELECT relay.card_term(org, 'can', f.key) FROM jsonb_each(card -> 'capabilities') AS f WHERE f.value = 'true') AS said
        ORDER BY 1);
END
$$;
COMMENT ON FUNCTION relay.card_terms(text, jsonb) IS
    'the terms by which the agents of an organization are found: ORG/skill/ID, ORG/tag/TAG (lower case), ORG/can/CAPABILITY';

-- `glob`: a pattern of LIKE in lower case.
CREATE FUNCTION relay.card_matches(agent text, card jsonb, glob text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN lower(agent COLLATE "C") LIKE glob OR lower((card ->> 'name') COLLATE "C") LIKE glob
        OR EXISTS (SELECT FROM relay.entries('', card -> 'skills') AS s WHERE lower((s.value ->> 'id') COLLATE "C") LIKE glob);
END
$$;

-- For lists by people.
GRANT EXECUTE ON FUNCTION relay.entries(text, jsonb), relay.card_term(text, text, text), relay.card_matches(text, jsonb, text)
    TO relay_provisioner, relay_responder, relay_auditor;

-- The cards ------------------------------------------------------------------------------------------------------------------------------

CREATE TABLE relay.agent_cards (
    agent_id text COLLATE "C" PRIMARY KEY,
    org_id   text COLLATE "C" NOT NULL,
    card     jsonb NOT NULL,
    bytes    integer NOT NULL GENERATED ALWAYS AS (pg_catalog.octet_length(card::text)) STORED,
    terms    text[] COLLATE "C" NOT NULL,
    since    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CONSTRAINT agent_cards_agent FOREIGN KEY (org_id, agent_id) REFERENCES relay.agents (org_id, agent_id)
) WITH (fillfactor = 85);  -- a new card with the old terms stays on its page, and writes no index
CREATE INDEX agent_cards_by_org ON relay.agent_cards (org_id, agent_id);
-- Without a list of pending entries, which every search would read.
CREATE INDEX agent_cards_by_term ON relay.agent_cards USING gin (terms) WITH (fastupdate = off);
COMMENT ON TABLE relay.agent_cards IS 'the last card that each agent registered, whether it runs or not; only relay_api.register writes it';
COMMENT ON COLUMN relay.agent_cards.since IS 'when this card replaced the one before';
COMMENT ON COLUMN relay.agent_cards.bytes IS 'of the card as text; a search adds them up, and ends its page before they are too many';
COMMENT ON COLUMN relay.agent_cards.terms IS 'relay.card_terms of the card';
SELECT relay.isolate_tenants('relay.agent_cards');
GRANT SELECT ON relay.agent_cards TO relay_provisioner, relay_responder, relay_auditor;
GRANT SELECT (agent_id, org_id, card, since) ON relay.agent_cards TO relay_tenant;

-- A row now, for an event that cannot be frequent, as its caller knows: at most one per minute for each subject. It is not counted, which
-- is most of the work of record_often. While auth_events is locked, and afterwards in a session that has met such a lock, it is counted.
CREATE FUNCTION relay.record_rare(event relay.auth_events) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '400ms' AS $$
BEGIN
    IF COALESCE(current_setting('relay.events_locked_until', true), '') <> '' THEN
        PERFORM relay.record_often(event);
        RETURN;
    END IF;
    INSERT INTO relay.auth_events (org_id, agent_id, key_id, action, outcome, reason, ip_address, trace_id, detail)
    VALUES (event.org_id, event.agent_id, event.key_id, event.action, event.outcome, event.reason, event.ip_address, event.trace_id,
            event.detail);
EXCEPTION
    WHEN lock_not_available THEN
        PERFORM relay.record_often(event);
END
$$;

-- A card is changed by register, or by SQL. An agent can do it as often as it likes.
CREATE FUNCTION relay.note_card() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    event relay.auth_events;
BEGIN
    event.action := 'card_changed';
    event.outcome := 'ok';
    event.reason := CASE TG_OP WHEN 'INSERT' THEN 'first' WHEN 'DELETE' THEN 'deleted' ELSE 'changed' END;
    event.org_id := CASE TG_OP WHEN 'DELETE' THEN OLD.org_id ELSE NEW.org_id END;
    event.agent_id := CASE TG_OP WHEN 'DELETE' THEN OLD.agent_id ELSE NEW.agent_id END;
    event.detail := jsonb_strip_nulls(jsonb_build_object(
        'from', CASE WHEN TG_OP <> 'INSERT' THEN encode(sha256(convert_to(OLD.card::text, 'UTF8')), 'hex') END,
        'to', CASE WHEN TG_OP <> 'DELETE' THEN encode(sha256(convert_to(NEW.card::text, 'UTF8')), 'hex') END));
    IF TG_OP = 'UPDATE' AND NEW.since > OLD.since + interval '1 minute' THEN
        PERFORM relay.record_rare(event);
    ELSE
        PERFORM relay.record_often(event);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_card AFTER INSERT OR DELETE ON relay.agent_cards FOR EACH ROW EXECUTE FUNCTION relay.note_card();
CREATE TRIGGER note_change AFTER UPDATE ON relay.agent_cards FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION relay.note_card();
