#include "relay/model/database_label.hpp"

namespace relay {

DatabaseLabel read_label(std::optional<std::string> const &comment) {
    constexpr std::string_view production = "production ";
    constexpr std::string_view database = "database ";
    std::string_view text = comment ? std::string_view(*comment) : std::string_view();
    bool const is_production = text.starts_with(production);
    text.remove_prefix(is_production ? production.size() : 0);
    if (!text.starts_with(database) || text.size() == database.size()) {
        return {};
    }
    return {.name = std::string(text.substr(database.size())), .production = is_production};
}

std::string describe(DatabaseLabel const &label) {
    return label.name ? *label.name + (label.production ? " (production)" : "") : "";
}

}  // namespace relay
