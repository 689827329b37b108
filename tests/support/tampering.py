"""Statements that keep a change from having its effect: triggers, rules and views that the schema does not have."""

SWALLOW = """CREATE FUNCTION public.swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER a_swallow BEFORE {events} ON relay.{table} FOR EACH ROW EXECUTE FUNCTION public.swallow()"""

ALTER = """CREATE FUNCTION public.alter() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {change}; RETURN NEW; END $$;
CREATE TRIGGER a_alter BEFORE {events} ON relay.{table} FOR EACH ROW EXECUTE FUNCTION public.alter()"""

UNDO = """CREATE FUNCTION public.undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {change}; RETURN NULL; END $$;
CREATE TRIGGER zz_undo AFTER {events} ON relay.{table} FOR EACH ROW EXECUTE FUNCTION public.undo()"""


def swallow(table, events="INSERT OR UPDATE OR DELETE"):
    return SWALLOW.format(table=table, events=events)


def alter(table, events, change):
    return ALTER.format(table=table, events=events, change=change)


def undo(table, events, change):
    return UNDO.format(table=table, events=events, change=change)


def rule(table, event):
    return f"CREATE RULE swallow AS ON {event} TO relay.{table} DO INSTEAD NOTHING"


def replaced(database, view, old, new):
    """The statement that makes a view anew with a part of its text changed."""
    text = database.value("SELECT pg_get_viewdef(%s::regclass)", f"relay.{view}")
    assert old in text, text
    return f"CREATE OR REPLACE VIEW relay.{view} AS {text.replace(old, new)}"
