#pragma once

#include "relay/model/ids.hpp"
#include "relay/model/time.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// A role as it is read from the database.
namespace relay {

struct Role {
    OrgId org_id;
    RoleId role_id;
    std::string name{};
    std::vector<std::string> permissions{};
    std::int64_t agents = 0;  ///< agents that have it
    Instant created_at{};
    std::string created_by{};
};

}  // namespace relay
