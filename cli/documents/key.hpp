#pragma once

#include "cli/output/document.hpp"
#include "relay/identity/records.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// Returns a key without its secret: the item of a list, and the beginning of each document about one key.
Record key_record(Key const &key);
/// Returns a key for the columns of a list.
Key sample_key();

/// Returns "1 active, 1 retiring; both refused while blocked", or "no live key".
std::string describe_keys(std::vector<Key> const &keys);

}  // namespace relay::cli
