#include "cli/fleet/second_connection.hpp"

#include "cli/context.hpp"
#include "relay/fleet/rotate_fleet.hpp"

#include <filesystem>
#include <system_error>

namespace relay::cli {

std::unique_ptr<db::Database> second_connection(Context &context) {
    std::error_code none;
    auto const &file = context.globals().dsn_file;
    if (file && !std::filesystem::is_regular_file(*file, none)) {
        return nullptr;
    }
    context.database();  // starts the sandbox if necessary
    auto settings = settings_without_starting(context.globals());
    return settings ? std::make_unique<db::Database>(*std::move(settings)) : nullptr;
}

}  // namespace relay::cli
