"""Changes that someone makes by SQL, and the events that the database writes of them."""

EVENTS = "SELECT action, agent_id, org_id, key_id, reason, actor, db_role, detail FROM relay.auth_events WHERE event_id > %s ORDER BY event_id"


def last_event(database):
    """The id of the newest event; 0 if there is none."""
    return database.value("SELECT COALESCE(max(event_id), 0) FROM relay.auth_events")


def change(database, group, *statements):
    """Runs SQL in one transaction, as a login in one group (`provisioner`), or as the superuser (`owner`); returns its events as dicts."""
    login = "postgres" if group == "owner" else database.cluster.login(f"by_hand_{group}", member_of=f"relay_{group}")
    last = last_event(database)
    connection = database.connect(user=login, autocommit=False)
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.commit()
    finally:
        connection.close()
    events = database.rows(EVENTS, last)
    assert all(event["db_role"] == login for event in events), events
    return events
