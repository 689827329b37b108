#include "cli/documents/error.hpp"

#include "cli/documents/fields.hpp"

#include <string_view>

namespace relay::cli {

Value error_value(std::optional<Error> const &error) {
    if (!error) {
        return {};
    }
    return Record{
        machine_only("code", error->kind()),
        machine_only("message", error->message()),
        machine_only("suggestions", error->hint().suggestions),
    };
}

Error error_of_reading(Error const &error) { return {error.kind(), what_failed(error), error.hint()}; }

}  // namespace relay::cli
