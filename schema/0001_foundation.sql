-- Roles, the two schemas, and the record of migrations.
--
-- The roles are groups without login, shared by all databases of a cluster, so they may exist already: made by another
-- database's migration, or beforehand by a superuser for an applier who may not create roles.

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
                WHEN duplicate_object OR unique_violation THEN NULL;  -- another database's migration was faster
            END;
        END IF;
    END LOOP;
END
$roles$;

-- Everything below belongs to relay_owner. A superuser may act as it at once; who has CREATEROLE joins it first.
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

-- The global form: a per-schema one cannot take away what PUBLIC has by default.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

GRANT USAGE ON SCHEMA relay TO relay_provisioner, relay_responder, relay_auditor, relay_tenant;
GRANT USAGE ON SCHEMA relay_api TO relay_gateway;

CREATE TABLE relay.schema_migrations (
    version    integer PRIMARY KEY,
    name       text COLLATE "C" NOT NULL,
    checksum   text COLLATE "C" NOT NULL,  -- SHA-256 of the file, hexadecimal: an edited migration is refused
    applied_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    applied_by text COLLATE "C" NOT NULL DEFAULT SESSION_USER
);
GRANT SELECT ON relay.schema_migrations TO relay_provisioner, relay_responder, relay_auditor;
