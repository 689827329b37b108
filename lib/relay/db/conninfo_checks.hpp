#pragma once

#include <map>
#include <string>
#include <string_view>

namespace relay::db {

/// Keywords of a connection string as libpq has read them.
using Keywords = std::map<std::string, std::string>;

/// What is wrong with a connection string that libpq has read without complaint, in words that quote nothing of it; empty if nothing is.
///
/// A password with an @ or / that is not percent-encoded ends up as host, port or database name: `postgresql://u:pa@ss@h/x` has the host
/// `ss@h`, `postgresql://u:pa/ss@h/x` the port `pa` and the database `ss@h/x`. Those are shown in every message, ours and libpq's.
std::string find_misread(std::string_view conninfo, Keywords const &keywords);

/// libpq's complaint about settings, without the values that it quotes; empty for a message about a server or the way to it, which is
/// fit to be shown.
std::string complaint_about_settings(std::string_view message);

}  // namespace relay::db
