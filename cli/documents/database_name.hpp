#pragma once

#include "cli/output/document.hpp"
#include "relay/model/database_label.hpp"

namespace relay::cli {

/// Returns the fields `database_name` and `production`.
Record label_record(DatabaseLabel const &label);

}  // namespace relay::cli
