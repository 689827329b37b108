// Lets a test drive envelope.cpp: JSON lines on stdin and stdout, see README.md.

#include "envelope.hpp"

#include <sodium.h>
#include <iostream>
#include <nlohmann/json.hpp>

namespace {

using nlohmann::json;

std::string bytes_of(std::string const &base64) {
    std::string bytes(base64.size(), '\0');
    std::size_t length = 0;
    sodium_base642bin(reinterpret_cast<unsigned char *>(bytes.data()), bytes.size(), base64.data(), base64.size(),
                      nullptr, &length, nullptr, sodium_base64_VARIANT_ORIGINAL);
    bytes.resize(length);
    return bytes;
}

std::chrono::nanoseconds nanoseconds_of(double seconds) {
    return std::chrono::round<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

json answer(json const &request) {
    json checks = json::array();
    std::string const tenant = request.at("tenant");
    std::optional<std::string> agent;
    if (request.at("agent").is_string()) {
        agent = request.at("agent");
    }
    for (json const &raw : request.at("envelopes")) {
        auto const check = gateway::validate_envelope(
            bytes_of(raw.get<std::string>()), tenant, agent, nanoseconds_of(request.at("window")),
            request.at("messages").get<std::string>(), gateway::Instant(nanoseconds_of(request.at("now"))));
        checks.push_back({{"ok", check.ok}, {"reason", check.reason}, {"problems", check.problems}});
    }
    return {{"checks", checks}};
}

}  // namespace

int main() {
    for (std::string line; std::getline(std::cin, line);) {
        std::cout << answer(json::parse(line)).dump() << std::endl;
    }
}
