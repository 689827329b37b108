/// Lets a test drive signing.cpp: JSON lines on stdin and stdout, see README.md.

#include "signatures.hpp"

#include <sodium.h>
#include <cstdlib>
#include <future>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

namespace {

using namespace gateway;
using nlohmann::json;

std::atomic<std::int64_t> queries = 0;

Connection connect() {
    Connection made(PQconnectdb("connect_timeout=5"), PQfinish);
    if (PQstatus(made.get()) != CONNECTION_OK) {
        throw std::runtime_error(PQerrorMessage(made.get()));
    }
    return made;
}

/// Runs a statement on the connection of this thread; after an error, the next call makes a new connection.
Rows query(char const *sql, std::vector<Value> const &arguments) {
    ++queries;
    thread_local Connection connection(nullptr, PQfinish);
    if (!connection || PQstatus(connection.get()) != CONNECTION_OK) {
        connection = connect();
    }
    return run(connection.get(), sql, arguments);
}

Verifier &verifier() {
    static Verifier one(query, connect, std::getenv("GATEWAY_ID"));
    return one;
}

Signatures &signatures() {
    static Signatures one(query, verifier(), {.names = {"relay.example.com"}});
    return one;
}

std::string hex(std::string_view bytes) {
    std::string text(2 * bytes.size() + 1, '\0');
    sodium_bin2hex(text.data(), text.size(), reinterpret_cast<unsigned char const *>(bytes.data()), bytes.size());
    text.pop_back();
    return text;
}

Bytes32 bytes32(std::string const &hex) {
    Bytes32 bytes{};
    std::size_t size = 0;
    sodium_hex2bin(bytes.data(), bytes.size(), hex.data(), hex.size(), nullptr, &size, nullptr);
    return bytes;
}

std::string from_base64(std::string const &text) {
    std::string bytes(text.size(), '\0');
    std::size_t size = 0;
    sodium_base642bin(reinterpret_cast<unsigned char *>(bytes.data()), bytes.size(), text.data(), text.size(), nullptr,
                      &size, nullptr, sodium_base64_VARIANT_ORIGINAL);
    bytes.resize(size);
    return bytes;
}

Request request_of(json const &said) {
    Request request{.method = said.at("method"), .target = said.at("target"), .body = said.at("body")};
    for (auto const &one : said.at("headers")) {
        request.headers.emplace_back(one.at(0), one.at(1));
    }
    if (said.contains("authority")) {
        request.authority = said.at("authority");
    }
    request.peer = said.value("peer", "");
    return request;
}

/// What a request says about itself, and whether it has the body that was signed.
json reading(json const &said) {
    Place place;
    place.names = said.at("names").get<std::set<std::string>>();
    place.scheme = said.value("scheme", "https");
    place.proxies = said.value("proxies", std::set<std::string>());
    Request const request = request_of(said.at("request"));
    try {
        auto const found = read(request, place);
        if (!found) {
            return {{"unsigned", true}};
        }
        Bytes32 const message = found->message();
        return {{"key_id", found->key_id},
                {"created", found->created},
                {"nonce", found->nonce},
                {"digest", found->digest},
                {"signature", hex(found->signature)},
                {"base", found->base},
                {"message", hex({reinterpret_cast<char const *>(message.data()), message.size()})},
                {"has_body", digest_of(request.body) == found->digest}};
    } catch (Malformed const &error) {
        return {{"malformed", error.what()}};
    }
}

json signing(json const &said) {
    json const &by = said.at("signer");
    std::unique_ptr<Signer> signer;
    if (by.contains("key")) {
        signer = std::make_unique<Proof>(by.at("key").get<std::string>());
    } else {
        signer = std::make_unique<Ed25519>(
            by.at("key_id"), by.contains("pem") ? seed_of(by.at("pem").get<std::string>()) : bytes32(by.at("seed")));
    }
    auto const created =
        said.contains("created") ? std::optional(said.at("created").get<std::int64_t>()) : std::nullopt;
    auto const nonce = said.contains("nonce") ? std::optional(said.at("nonce").get<std::string>()) : std::nullopt;
    return {{"headers", sign(*signer, said.at("method").get<std::string>(), said.at("url").get<std::string>(),
                             said.at("body").get<std::string>(), created, nonce)}};
}

Claims claims_of(json const &said) {
    auto const claim = [&](char const *name) {
        return said.contains(name) && said.at(name).is_string() ? Value(said.at(name)) : Value();
    };
    return {claim("agent_id"), claim("org_id"), claim("ip"), claim("trace_id")};
}

json describe(Shared const &decision) {
    if (!decision) {
        return {{"unsigned", true}};
    }
    bool const ok = decision->ok;
    return {{"ok", ok},
            {"reason", decision->reason},
            {"agent_id", ok ? json(decision->agent_id) : json()},
            {"org_id", ok ? json(decision->org_id) : json()},
            {"permissions", ok ? json(decision->permissions) : json()},
            {"names", json::array()}};  // the members of Decision have no names that could be listed
}

json crowd(json const &said) {
    std::vector<std::future<std::string>> callers;
    for (json const &one : said.at("requests")) {
        callers.push_back(std::async(std::launch::async, [request = request_of(one), claims = claims_of(said)] {
            return signatures().check(request, claims)->reason;
        }));
    }
    std::multiset<std::string> reasons;
    for (auto &one : callers) {
        reasons.insert(one.get());
    }
    return {{"reasons", reasons}};
}

json answer(json const &said) {
    std::string const op = said.at("op");
    if (op == "check") {
        return describe(signatures().check(request_of(said.at("request")), claims_of(said)));
    }
    if (op == "crowd") {
        return crowd(said);
    }
    if (op == "bearer") {
        return describe(verifier().check(said.at("key").get<std::string>(), claims_of(said)));
    }
    if (op == "follow") {
        std::thread([] { verifier().follow(); }).detach();
        return json::object();
    }
    if (op == "report") {
        return {{"queries", queries.exchange(0)}};
    }
    if (op == "read") {
        return reading(said);
    }
    if (op == "sign") {
        return signing(said);
    }
    std::string const signature = from_base64(said.at("signature"));
    if (op == "proves") {
        return {{"good", proves(bytes32(said.at("verifier")), bytes32(said.at("message")), signature)}};
    }
    return {{"good", verifies(bytes32(said.at("public_key")), said.at("base").get<std::string>(), signature)}};
}

}  // namespace

int main() {
    if (sodium_init() < 0) {
        return 1;
    }
    for (std::string line; std::getline(std::cin, line);) {
        json said;
        try {
            said = answer(json::parse(line));
        } catch (std::exception const &error) {
            said = {{"error", error.what()}};
        }
        std::cout << said.dump() << std::endl;
    }
    std::quick_exit(0);
}
