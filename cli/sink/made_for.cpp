#include "cli/sink/made_for.hpp"

#include <sys/xattr.h>
#include <algorithm>
#include <array>
#include <string_view>

namespace relay::cli {
namespace {

constexpr char const *attribute = "user.relay_admin.database";
constexpr std::size_t id_length = 8;

bool is_id(std::string_view text) {
    return text.size() == id_length && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

}  // namespace

void set_made_for(int fd, std::string const &database_id) noexcept {
    if (!database_id.empty()) {
        ::fsetxattr(fd, attribute, database_id.data(), database_id.size(), 0);
    }
}

std::optional<std::string> made_for(int fd) {
    std::array<char, id_length> text{};
    auto const length = ::fgetxattr(fd, attribute, text.data(), text.size());
    std::string id(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    return is_id(id) ? std::optional(std::move(id)) : std::nullopt;
}

void clear_made_for(int fd) noexcept { ::fremovexattr(fd, attribute); }

}  // namespace relay::cli
