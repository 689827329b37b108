/// Measures verifier.cpp: JSON lines on stdin and stdout, see README.md.

#include "tests/contract/kit/uses.hpp"

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
             {"report_now", "f"}}};
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
                          : op == "stalls" ? stalls(asked.at(1))
                          : op == "crowd"  ? crowd(asked.at(1), asked.at(2))
                                           : share(asked.at(1), asked.at(2));
        std::cout << said.dump() << std::endl;
    }
    std::quick_exit(0);
}
