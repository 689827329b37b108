#include "cli/documents/authentications.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

Record record_of(Authentications const &one) {
    return {
        {"last_at", "Last", one.last_at},
        {"ip_address", "From", one.ip_address},
        {"key_id", "Key ID", one.key_id, {.leaves = 2}},
        {"times", "Times", one.times, {.leaves = 3}},
        {"first_at", "First", one.first_at, {.leaves = 1}},
    };
}

}  // namespace

std::vector<Record> authentication_records(std::vector<Authentications> const &authentications) {
    std::vector<Record> records;
    std::transform(authentications.begin(), authentications.end(), std::back_inserter(records), record_of);
    return records;
}

}  // namespace relay::cli
