#pragma once

#include <map>
#include <string>
#include <string_view>

namespace relay::db {

/// Keywords of a connection string as libpq has read them.
using Keywords = std::map<std::string, std::string>;

/// What is wrong with a connection string, in words that quote nothing from it, and what to do; empty: nothing.
struct Misread {
    std::string what{};
    std::string next{};
};

/// Returns what is wrong with a connection string that libpq accepted.
///
/// A password with an @ or / that is not percent-encoded ends up in the host, port or database name, which every
/// message shows, ours and libpq's: `postgresql://u:pa@ss@h/x` has the host `ss@h`, and `postgresql://u:pa/ss@h/x`
/// has the port `pa` and the database `ss@h/x`.
Misread find_misread(std::string_view conninfo, Keywords const &keywords);

}  // namespace relay::db
