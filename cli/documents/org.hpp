#pragma once

#include "cli/output/document.hpp"
#include "relay/identity/records.hpp"

#include <optional>

namespace relay::cli {

/// Returns an organization: the item of a list, and the beginning of each document about one organization.
Record org_record(Org const &org);
/// Returns an organization for the columns of a list.
Org sample_org();

/// Returns the lines that say in words: the limit, the age of its keys, and calls without a key.
Record org_words(Org const &org);

}  // namespace relay::cli
