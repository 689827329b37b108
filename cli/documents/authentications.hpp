#pragma once

#include "cli/output/document.hpp"
#include "relay/identity/authentications.hpp"

#include <vector>

namespace relay::cli {

/// Returns from where keys were used, as a list inside a document.
std::vector<Record> authentication_records(std::vector<Authentications> const &authentications);

}  // namespace relay::cli
