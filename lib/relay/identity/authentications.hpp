#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace relay {

/// The uses of a key from one address.
struct Authentications {
    KeyId key_id;
    std::optional<std::string> ip_address{};  ///< none: the gateway did not send it
    Instant first_at{};
    Instant last_at{};
    std::int64_t times = 0;  ///< those that were recorded: authenticate records at most one per minute
};

}  // namespace relay
