#include "cli/output/color.hpp"

#include "cli/output/screen.hpp"

namespace relay::cli {

bool wants_color(ColorChoice choice, bool is_terminal, Environment const &environment) {
    if (choice != ColorChoice::automatic) {
        return choice == ColorChoice::always;
    }
    auto const value_of = [&](char const *name) {
        char const *const value = environment(name);
        return std::string_view(value == nullptr ? "" : value);
    };
    if (!value_of("NO_COLOR").empty()) {
        return false;
    }
    if (std::string_view const forced = value_of("CLICOLOR_FORCE"); !forced.empty() && forced != "0") {
        return true;
    }
    return is_terminal && obeys_escapes(environment);
}

}  // namespace relay::cli
