#pragma once

#include "cli/output/document.hpp"
#include "relay/policy/due.hpp"

namespace relay::cli {

/// Returns a key that is due, and whose it is: an item of `key due`.
Record due_key_record(DueKey const &key);
DueKey sample_due_key();

/// Returns an owner of due keys: an item of `key due --by owner`.
Record due_owner_record(DueOwner const &owner);

}  // namespace relay::cli
