#pragma once

#include "cli/output/document.hpp"
#include "relay/identity/records.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// A key, without its secret: the item of a list, and what each document about one begins with.
Record key_record(Key const &key);
/// What the columns of a list are made of.
Key sample_key();

/// "1 active, 1 retiring; both refused while blocked", "no live key".
std::string describe_keys(std::vector<Key> const &keys);

}  // namespace relay::cli
