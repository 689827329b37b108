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

Error error_of_change(Error const &error) {
    bool const is_silent = error.kind() == ErrorKind::unavailable && error.hint().changed == Changed::no &&
                           error.message().find("nothing was changed") == std::string::npos;
    return is_silent ? Error(error.kind(), error.message() + "; nothing was changed", error.hint()) : error;
}

Error error_of_reading(Error const &error) { return {error.kind(), what_failed(error), error.hint()}; }

}  // namespace relay::cli
