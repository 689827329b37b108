"""Months of the audit trail for tests: missing, old, or never made."""


def month_of(database, back=0):
    """The first day of the month that lies `back` months before the present one, in UTC, as YYYY-MM-DD."""
    sql = "SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => %s), 'YYYY-MM-DD')"
    return database.value(sql, back)


def months(database):
    """The months that have a partition, as YYYY-MM, in order."""
    return [row["month"] for row in database.rows("SELECT to_char(month, 'YYYY-MM') AS month FROM relay.event_months() ORDER BY 1")]


def name_of(month):
    """The partition of a month."""
    return "relay.auth_events_" + month[:7].replace("-", "_")


def forget_month(database, back=0):
    """Removes a month's partition, as if it had never been made; its rows go to the default partition. Returns the
    month."""
    month = month_of(database, back)
    partition = name_of(month)
    database.execute(f"ALTER TABLE relay.auth_events DETACH PARTITION {partition}")
    database.execute("SET session_replication_role = replica")
    database.execute(f"INSERT INTO relay.auth_events SELECT * FROM {partition}")
    database.execute(f"RESET session_replication_role; DROP TABLE {partition}")
    return month[:7]


def make_old_month(database, back, rows):
    """A partition of a past month with `rows` rows, as if it had been made in time. Returns the month."""
    month = month_of(database, back)
    database.execute("SET ROLE relay_owner")
    database.execute(
        f"CREATE TABLE {name_of(month)} PARTITION OF relay.auth_events"
        f" FOR VALUES FROM ('{month} 00:00+00') TO (TIMESTAMPTZ '{month} 00:00+00' + interval '1 month')"
    )
    database.execute(f"SELECT relay.protect_events_partition('{name_of(month)}')")
    database.execute("RESET ROLE")
    write_events(database, back, rows)
    return month[:7]


def write_events(database, back, rows):
    """Inserts rows of a past month, into whichever partition they belong."""
    database.execute(
        "INSERT INTO relay.auth_events (occurred_at, action, org_id, agent_id)"
        " SELECT TIMESTAMPTZ %s + n * interval '1 second', 'authenticated', 'acme', 'bot' FROM generate_series(1, %s) AS n",
        month_of(database, back) + " 00:00+00", rows,
    )  # fmt: skip
