#pragma once

#include "cli/output/document.hpp"
#include "relay/identity/records.hpp"

#include <optional>

namespace relay::cli {

/// An organization: the item of a list, and what each document about one begins with.
Record org_record(Org const &org);
/// What the columns of a list are made of.
Org sample_org();

/// What a document about one organization says in words: its limit, its keys' age.
Record org_words(Org const &org);

}  // namespace relay::cli
