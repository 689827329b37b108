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

std::string what_failed(Error const &error) {
    std::string text = error.message();
    for (std::string_view const misleading : {"; nothing was changed", ", nothing was changed"}) {
        if (text.ends_with(misleading)) {
            text.resize(text.size() - misleading.size());
        }
    }
    return text;
}

Error error_of_reading(Error const &error) { return {error.kind(), what_failed(error), error.hint()}; }

}  // namespace relay::cli
