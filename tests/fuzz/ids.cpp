// An id is the text that was given, in its alphabet and within its length; it reads back; so does a permission.
#include "relay/model/ids.hpp"
#include "relay/model/subject.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <cctype>

using namespace relay;
using namespace relay::fuzz;

namespace {

template <typename Id>
void check(std::string_view text, std::size_t most, char const *alphabet, bool may_lower = false) {
    auto const id = accepted([&] { return Id::parse(text); });
    if (!id) {
        return;
    }
    std::string wanted(text);
    if (may_lower) {
        std::transform(wanted.begin(), wanted.end(), wanted.begin(), [](unsigned char c) { return std::tolower(c); });
    }
    require(id->text() == wanted, "an id is the text");
    require(!wanted.empty() && wanted.size() <= most, "an id has its length");
    require(wanted.find_first_not_of(alphabet) == std::string::npos, "an id has its alphabet");
    require(Id::parse(id->text()) == *id, "an id reads back");
}

constexpr char const *lower = "abcdefghijklmnopqrstuvwxyz0123456789_-";
constexpr char const *any = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
constexpr char const *hex = "0123456789abcdef-";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    Choices choices(data, size);
    std::size_t const kind = choices.below(7);
    std::string_view const text = choices.rest();
    switch (kind) {
        case 0: check<OrgId>(text, 63, lower); break;
        case 1: check<AgentId>(text, 127, any); break;
        case 2: check<RoleId>(text, 63, lower); break;
        case 3: check<KeyId>(text, 12, lower); break;
        case 4: check<OperationId>(text, 27, lower); break;
        case 5: check<RequestId>(text, 36, hex, true); break;
        default:
            if (auto const permission = accepted([&] { return Permission::parse(text); })) {
                require(permission->text() == text && text.size() <= 129, "a permission is the text");
                require(permission->covers(*permission) && Permission::parse("*:*").covers(*permission),
                        "a permission covers itself, and * covers all");
            }
            if (auto const id = accepted([&] { return AgentId::parse_new(text); })) {
                require(AgentId::parse(id->text()) == *id, "a new id is an id");
            }
    }
    return 0;
}
