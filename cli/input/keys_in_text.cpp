#include "cli/input/keys_in_text.hpp"

#include "relay/scan/container.hpp"
#include "relay/scan/scanner.hpp"

#include <algorithm>

namespace relay::cli {

KeysInText keys_in_text(std::string_view text) {
    KeysInText keys;
    scan::Scanner scanner([&](std::string_view found) {
        ApiKey key = ApiKey::parse(found);
        bool const is_known = std::any_of(keys.whole.begin(), keys.whole.end(),
                                          [&](ApiKey const &one) { return one.hash().bytes == key.hash().bytes; });
        if (!is_known) {
            keys.whole.push_back(std::move(key));
        }
    });
    scanner.feed(text);
    scan::Findings const found = scanner.finish();
    for (auto const &[id, places] : found.cut) {
        keys.cut.push_back(id);
    }
    if (auto const container = scan::find_container(text)) {
        keys.unopened = container->name;
    } else if (!found.unopened.empty()) {
        keys.unopened = found.unopened.front().what;
    }
    return keys;
}

}  // namespace relay::cli
