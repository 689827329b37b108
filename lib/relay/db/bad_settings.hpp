#pragma once

#include "relay/db/database.hpp"

#include <string_view>

namespace relay::db {

/// Refuses settings that libpq checks only when it connects: a missing service, an invalid sslmode. `message` is
/// libpq's; does nothing if it is about a server or the network. Throws BadSettings with our own text, because
/// libpq's may quote a part of a password.
void refuse_bad_settings(std::string_view message, Settings const &settings);

}  // namespace relay::db
