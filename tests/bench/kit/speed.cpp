/// Measures verifier.cpp: JSON lines on stdin and stdout, see README.md.

#include "tests/contract/kit/signatures.hpp"
#include "tests/contract/kit/uses.hpp"

#include <sodium.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <thread>

namespace {

using namespace gateway;
using namespace std::chrono_literals;
using nlohmann::json;
using Seconds = std::chrono::duration<double>;

std::atomic<int> questions = 0, delay = 0;  // delay: milliseconds

std::array<Value, 2> secrets;  ///< what an answer about a signed call has, too: `verifier` and `public_key`

/// Answers as authenticate would answer for a good key, after `delay`.
Rows query(char const *, std::vector<Value> const &arguments) {
    ++questions;
    if (delay > 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    }
    std::string const key_id = arguments.at(0).value();
    return {{{"ok", "t"},
             {"reason", "ok"},
             {"org_id", "org-" + key_id.substr(0, 2)},
             {"agent_id", "agent-" + key_id},
             {"permissions", "[]"},
             {"conditions", Value()},
             {"expires_at", Value()},
             {"seconds_left", Value()},
             {"report_now", "f"},
             {"qps", Value()},
             {"window", "00:05:00"},
             {"window_seconds", "300"},
             {"require_nonce", "f"},
             {"addresses", Value()},
             {"now", std::to_string(std::time(nullptr))},
             {"verifier", secrets[0]},
             {"public_key", secrets[1]}}};
}

/// Answers as report_uses would answer.
Rows record(char const *, std::vector<Value> const &) { return {}; }

Connection connect() {
    Connection made(PQconnectdb(""), PQfinish);
    if (PQstatus(made.get()) != CONNECTION_OK) {
        throw std::runtime_error(PQerrorMessage(made.get()));
    }
    return made;
}

Verifier &verifier() {
    static Verifier one(query, connect, "speed", std::make_shared<Uses>(record, Uses::Options{.interval = 1s}));
    return one;
}

std::vector<std::string> keys;

std::string const &any(std::size_t count) {
    thread_local std::minstd_rand random(std::random_device{}());
    return keys[random() % count];
}

json fill(std::size_t count) {
    for (std::size_t at = 0; at < count; ++at) {
        if (!verifier().check(keys[at])->ok) {
            throw std::runtime_error("refused");
        }
    }
    return questions.load();
}

template <typename Function>
double per_second(Function const &function, double seconds) {
    auto const began = Clock::now();
    double done = 0;
    for (; Clock::now() < began + Seconds(seconds); done += 1000) {
        for (std::size_t at = 0; at < 1000; ++at) {
            function(keys[at]);
        }
    }
    return done / Seconds(Clock::now() - began).count();
}

volatile unsigned char sink = 0;

/// [cached checks per second, SHA-256 of the same keys per second]
json rate(double seconds) {
    Claims const caller{.ip = "192.0.2.1"};
    return {per_second([&](std::string const &key) { sink = verifier().check(key, caller)->ok; }, seconds),
            per_second([](std::string const &key) { sink = relay::KeyDigest::of(key).bytes[0]; }, seconds)};
}

Value hex(Bytes32 const &bytes) {
    std::array<char, 65> text{};
    return "\\x" + std::string(sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size()));
}

Bytes32 sha256(void const *bytes, std::size_t size) {
    Bytes32 made{};
    crypto_hash_sha256(made.data(), static_cast<unsigned char const *>(bytes), size);
    return made;
}

/// [cached checks of proofs per second, of Ed25519, HMAC-SHA-256 of 400 bytes per second, Ed25519 alone per second]
json signed_calls(double seconds) {
    Bytes32 const digest = sha256(keys[0].data(), keys[0].size()),
                  verifier_of_key = sha256(digest.data(), digest.size());
    Bytes32 public_key{};
    std::array<unsigned char, 64> pair{};
    crypto_sign_seed_keypair(public_key.data(), pair.data(), Bytes32{}.data());
    secrets = {hex(verifier_of_key), hex(public_key)};
    static Signatures signatures(query, verifier(), {.names = {"relay.example.com"}});
    std::string const body = R"({"amount": 100, "currency": "EUR"})", text(400, 'x');
    Proof const proof(keys[0]);
    Ed25519 const ed25519("0123456789ab", Bytes32{});
    json found = json::array();
    for (Signer const *signer : std::initializer_list<Signer const *>{&proof, &ed25519}) {
        Request request{
            .method = "POST", .target = "/v1/run?dry=1", .headers = {{"Host", "relay.example.com"}}, .body = body};
        for (auto const &[name, value] : sign(*signer, "POST", "https://relay.example.com/v1/run?dry=1", body)) {
            request.headers.emplace_back(name, value);
        }
        Claims const caller{.ip = "192.0.2.1"};
        int const before = questions;
        found.push_back(
            per_second([&](std::string const &) { sink = signatures.check(request, caller)->ok; }, seconds));
        if (questions - before > 2 || sink == 0) {
            throw std::runtime_error("refused, or not kept");
        }
    }
    found.push_back(per_second(
        [&](std::string const &) {
            Bytes32 mac{};
            crypto_auth_hmacsha256(mac.data(), reinterpret_cast<unsigned char const *>(text.data()), text.size(),
                                   verifier_of_key.data());
            sink = mac[0];
        },
        seconds));
    std::string const shown = ed25519.sign(text);
    found.push_back(per_second([&](std::string const &) { sink = verifies(public_key, text, shown); }, seconds));
    return found;
}

/// The longest check in each 100 ms, in microseconds.
json stalls(double seconds) {
    json found = json::array();
    auto at = Clock::now();
    auto const end = at + Seconds(seconds);
    auto turn = at + 100ms;
    for (Seconds worst{}; at < end;) {
        verifier().check(any(1000));
        auto const before = std::exchange(at, Clock::now());
        worst = std::max(worst, Seconds(at - before));
        if (at >= turn) {
            found.push_back(1e6 * worst.count());
            worst = {};
            turn = at + 100ms;
        }
    }
    return found;
}

/// [checks, questions] of four threads that check one of `count` keys at random every millisecond, while an answer of
/// the database takes 20 ms.
json share(double seconds, std::size_t count) {
    delay = 20;
    std::atomic<int> checks = 0;
    int const before = questions;
    auto const end = Clock::now() + Seconds(seconds);
    std::vector<std::thread> threads;
    for (int n = 0; n < 4; ++n) {
        threads.emplace_back([&] {
            for (; Clock::now() < end; ++checks) {
                verifier().check(any(count));
                std::this_thread::sleep_for(1ms);
            }
        });
    }
    for (std::thread &one : threads) {
        one.join();
    }
    delay = 0;
    return {checks.load(), questions - before};
}

/// The number of questions of that many threads that check each of `count` keys at the same time.
json crowd(std::size_t callers, std::size_t count) {
    delay = 20;
    int const before = questions;
    for (std::size_t at = keys.size() - count; at < keys.size(); ++at) {
        std::vector<std::thread> threads;
        for (std::size_t n = 0; n < callers; ++n) {
            threads.emplace_back([at] { verifier().check(keys[at]); });
        }
        for (std::thread &one : threads) {
            one.join();
        }
    }
    delay = 0;
    return questions - before;
}

/// Returns once the cache answers, so that the feed is followed.
void wait_for_the_feed() {
    std::thread([] { verifier().follow(); }).detach();
    for (int before = -1; before != questions; std::this_thread::sleep_for(10ms)) {
        before = questions;
        verifier().check(keys[0]);
    }
}

}  // namespace

int main() {
    std::ifstream file(std::getenv("KEYS"));
    for (std::string key; std::getline(file, key);) {
        keys.push_back(key);
    }
    wait_for_the_feed();
    for (std::string line; std::getline(std::cin, line);) {
        json const asked = json::parse(line);
        std::string const op = asked.at(0);
        json const said = op == "fill"     ? fill(asked.at(1))
                          : op == "rate"   ? rate(asked.at(1))
                          : op == "signed" ? signed_calls(asked.at(1))
                          : op == "stalls" ? stalls(asked.at(1))
                          : op == "crowd"  ? crowd(asked.at(1), asked.at(2))
                                           : share(asked.at(1), asked.at(2));
        std::cout << said.dump() << std::endl;
    }
    std::quick_exit(0);
}
