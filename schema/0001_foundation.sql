-- Roles, the two schemas, the record of migrations, and the trigger function that makes tables append-only.
--
-- The roles are groups without login. All databases of a cluster share them, so they may already exist: from the
-- migration of another database, or made by a superuser because the login that applies the schema may not create roles.

DO $roles$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['relay_owner', 'relay_provisioner', 'relay_responder', 'relay_gateway',
                                     'relay_auditor', 'relay_tenant'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN NULL;  -- the migration of another database was faster
            END;
        END IF;
    END LOOP;
END
$roles$;

-- relay_owner owns everything below. A superuser can act as relay_owner directly; a login with CREATEROLE joins it
-- first.
DO $join$
BEGIN
    SET LOCAL ROLE relay_owner;
    RESET ROLE;
EXCEPTION
    WHEN insufficient_privilege THEN
        EXECUTE pg_catalog.format('GRANT relay_owner TO %I', current_user);
END
$join$;

CREATE SCHEMA relay AUTHORIZATION relay_owner;
CREATE SCHEMA relay_api AUTHORIZATION relay_owner;

SET LOCAL ROLE relay_owner;

-- For the whole database, because default privileges of a single schema can only add rights. They cannot remove those
-- that PUBLIC has by default.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

GRANT USAGE ON SCHEMA relay TO relay_provisioner, relay_responder, relay_auditor, relay_tenant;
GRANT USAGE ON SCHEMA relay_api TO relay_gateway;

CREATE TABLE relay.schema_migrations (
    version    integer PRIMARY KEY,
    name       text COLLATE "C" NOT NULL,
    checksum   text COLLATE "C" NOT NULL,  -- SHA-256 of the file in hexadecimal: an edited migration is refused
    applied_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    applied_by text COLLATE "C" NOT NULL DEFAULT SESSION_USER
);
GRANT SELECT ON relay.schema_migrations TO relay_provisioner, relay_responder, relay_auditor;

-- For the triggers named append_only. A missing grant does not stop a superuser; a trigger does.
CREATE FUNCTION relay.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Locks tables for writing and returns true, or returns false if someone's lock excludes that. It never waits. For notes, which must not
-- delay the decision that they are about: by the lock that CREATE INDEX takes, for instance.
CREATE FUNCTION relay.can_write(VARIADIC tables text[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE 'LOCK TABLE ONLY relay.' || array_to_string(tables, ', ONLY relay.') || ' IN ROW EXCLUSIVE MODE NOWAIT';
    RETURN true;
EXCEPTION
    WHEN lock_not_available THEN
        RETURN false;
END
$$;

-- For functions that run with the rights of relay_owner: no argument may ask them for any amount of work.
CREATE FUNCTION relay.require_between(name text, value bigint, lowest bigint, highest bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (value >= lowest AND value <= highest) IS NOT TRUE THEN
        RAISE EXCEPTION '% must be from % to %, not %', name, lowest, highest, COALESCE(value::text, 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
-- Also for the functions that run with the rights of their caller.
GRANT EXECUTE ON FUNCTION relay.require_between(text, bigint, bigint, bigint) TO relay_provisioner, relay_responder, relay_auditor;

CREATE FUNCTION relay.require_short(name text, value text, longest integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF length(value) > longest THEN
        RAISE EXCEPTION '% has % characters, and may have %', name, length(value), longest USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
