#pragma once

#include "relay/db/database.hpp"

#include <string>
#include <vector>

namespace relay::db {

/// The connection string for one of several hosts.
struct HostConninfo {
    std::string place{};  ///< "a.example:5432", for people
    std::string text{};
};

/// A connection string made safe and complete, ready for libpq.
struct Conninfo {
    std::string text{};  ///< keyword='value' pairs; may contain the password, so never show it
    std::string target{};  ///< for people: "relay at db.internal:5432", "relay at /run/postgresql"
    std::vector<HostConninfo> each_host{};  ///< several hosts, in the order in which to try them; one: empty
    std::string host{};  ///< as given; may be a list
    std::string port{};
    std::string user{};
    std::string database{};
    std::string passfile{};  ///< where libpq looks for a password that is not set
    std::string sslmode{};  ///< the mode in use; empty: libpq's default, on this machine
    bool mode_is_ours = false;  ///< true: no sslmode is set, and the program chose it
    bool mode_is_free = false;  ///< the server is on this machine, and no sslmode is set: see connect
    int hosts = 1;  ///< how many hosts a connection attempt may have to try
};

/// Completes `settings` from libpq's own sources (PG* variables, service file) and by our rules: always UTF-8;
/// PGOPTIONS is ignored; over TCP to another host `sslmode=verify-full`, unless another mode is set explicitly; with
/// several hosts `target_session_attrs=read-write`; a connection time-out. If a service is used, the file in
/// PGSERVICEFILE must exist. Reads the environment: one thread at a time. Throws Error (usage) with our own text,
/// because libpq's parse errors print parts of the password.
Conninfo complete_conninfo(Settings const &settings);

/// Returns `value` as a conninfo value: quoted, with ' and \ escaped.
std::string quote_conninfo_value(std::string_view value);

/// Returns true if `conninfo` can be parsed and contains no password, so that it may be shown.
bool is_fit_to_show(std::string const &conninfo);

}  // namespace relay::db
