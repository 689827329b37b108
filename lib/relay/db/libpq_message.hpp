#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace relay::db {

/// What libpq says about one attempt to connect.
struct Attempt {
    std::string place{};  ///< "127.0.0.1:5432" or "socket /tmp/.s.PGSQL.5432"; empty: libpq names none
    std::string words{};  ///< the first line, without place, severity and SQLSTATE; escaped
    std::string sqlstate{};  ///< empty: the words are libpq's or the system's
    bool operator==(Attempt const &) const = default;
};

/// Returns what follows `label`, which ends with a quote, up to the next quote; empty if the label is not there.
std::string_view quoted_after(std::string_view message, std::string_view label);

/// Returns the attempts in libpq's message about a failed connection, one for each address of a host, without repeats.
/// Format: fe-connect.c, `connection to server at "HOST" (ADDRESS), port N failed: WORDS` or
/// `connection to server on socket "PATH" failed: WORDS`, one per line. Other lines belong to the attempt before.
std::vector<Attempt> read_attempts(std::string_view message);

/// Returns the attempt of a server's verbose message on a connection that was open: `FATAL:  08P01: WORDS`.
Attempt read_answer(std::string_view message);

}  // namespace relay::db
