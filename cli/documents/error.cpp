#include "cli/documents/error.hpp"

#include "cli/documents/fields.hpp"

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
    constexpr std::string_view misleading = "; nothing was changed";
    std::string text = error.message();
    if (text.ends_with(misleading)) {
        text.resize(text.size() - misleading.size());
    }
    return text;
}

}  // namespace relay::cli
