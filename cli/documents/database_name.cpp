#include "cli/documents/database_name.hpp"

namespace relay::cli {

Record label_record(DatabaseLabel const &label) {
    return {{"database_name", label.name ? "Name" : "", label.name},
            {"production", label.name ? "Production" : "", label.production}};
}

}  // namespace relay::cli
