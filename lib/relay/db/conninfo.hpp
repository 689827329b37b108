#pragma once

#include "relay/db/database.hpp"

#include <string>

namespace relay::db {

/// A connection string made safe and complete, ready for libpq.
struct Conninfo {
    std::string text{};  ///< keyword='value' pairs; holds the password, if there is one: never shown
    std::string target{};  ///< for people: "relay at db.internal:5432", "relay at /run/postgresql"
    int hosts = 1;  ///< how many a connection attempt may have to try
};

/// Completes what `settings` name with libpq's own sources (PG* variables, service file) and with our rules:
/// UTF-8 forced; PGOPTIONS dropped; over TCP to another host `sslmode=verify-full` unless less was asked for by name; with several hosts
/// `target_session_attrs=read-write`; a connection time-out. Reads the environment; one thread at a time.
/// A service file that PGSERVICEFILE names must be there when a service is asked for.
/// Throws Error (usage) with a text of our own: libpq's parse errors print parts of the password.
Conninfo complete_conninfo(Settings const &settings);

/// `value` as a conninfo value: quoted, with ' and \ escaped.
std::string quote_conninfo_value(std::string_view value);

/// True if `conninfo` can be read and holds no password, so that it may be repeated on a screen.
bool is_fit_to_show(std::string const &conninfo);

}  // namespace relay::db
