#pragma once

#include "relay/model/advice.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace relay::db {

/// What is wrong with a connection string. No text contains a value of it, which could be a piece of a password; names
/// only if they look like names (is_like_a_name).
struct Diagnosis {
    std::string what{};  ///< "it has the parameter pgbouncer, which libpq does not know"
    std::string why{};
    Advice next{};
    std::vector<std::string> suggestions{};
};

/// Returns what is wrong with a connection string that libpq refused. Recognizes what people paste from elsewhere: the
/// line of an env file, the quotes around a value, the scheme of a driver, parameters of drivers and of newer versions
/// of libpq, the strings of .NET and ODBC.
Diagnosis diagnose(std::string_view conninfo);

}  // namespace relay::db
